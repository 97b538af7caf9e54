import errno
import mailbox
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from uuid import UUID

import pytest

from ekiden.content.message import RenderedMessage
from ekiden.delivery.channels.base import FromAddress, Outcome, OutgoingMessage
from ekiden.delivery.channels.outbox import OutboxChannel
from ekiden.settings import PROJECT_ROOT

NOW = datetime(2024, 2, 29, 3, 0, 0, tzinfo=UTC)
PATIENCE = 180
"""Seconds for a process of its own, which takes two: a machine may be busy."""


def numbered_messages(count: int) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            message_id=UUID(int=number),
            to_address=f"customer-{number}@mail.invalid",
            to_name="山田 花子",
            from_address=FromAddress("shop@shop.invalid", "Shop"),
            rendered=RenderedMessage(f"Subject {number}", f"Text {number}\n", None, "hash"),
            unsubscribe_url="https://shop.invalid/u",
            scenario_code="cross_sell",
            step_no=1,
        )
        for number in range(count)
    ]


@pytest.fixture
def channel(tmp_path: Path) -> OutboxChannel:
    return OutboxChannel(tmp_path / "outbox", clock=lambda: NOW)


@contextmanager
def every_account_may_read() -> Iterator[None]:
    """Whatever is made within may be read by everybody, unless it is kept from them."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def outcomes(deliveries: Sequence[object]) -> list[Outcome]:
    return [delivery.outcome for delivery in deliveries]


def files(channel: OutboxChannel) -> list[str]:
    return sorted(file.name for part in ("new", "cur") for file in (channel.folder / part).iterdir())


def leftovers(channel: OutboxChannel) -> list[Path]:
    return list((channel.folder / "tmp").iterdir())


def test_a_mail_program_finds_every_message_with_the_clocks_date(channel: OutboxChannel) -> None:
    messages = numbered_messages(3)
    deliveries = channel.deliver(messages)
    assert [delivery.message_id for delivery in deliveries] == [message.message_id for message in messages]
    assert outcomes(deliveries) == [Outcome.accepted] * 3
    read = mailbox.Maildir(channel.folder, create=False)
    assert sorted(mail["Subject"] for mail in read) == ["Subject 0", "Subject 1", "Subject 2"]
    assert {parsedate_to_datetime(mail["Date"]) for mail in read} == {NOW}
    assert leftovers(channel) == []


def test_a_delivery_says_where_the_file_is(channel: OutboxChannel) -> None:
    message = numbered_messages(1)[0]
    (delivery,) = channel.deliver([message])
    path = channel.path_of(message.message_id)
    assert path == channel.folder / delivery.detail
    assert delivery.provider_message_id == f"{message.message_id}.eml"
    assert channel.path_of(UUID(int=99)) is None


def test_a_message_delivered_again_is_accepted_and_stays_as_it_was(channel: OutboxChannel) -> None:
    messages = numbered_messages(2)
    first = channel.deliver(messages)
    before = (channel.folder / first[0].detail).read_bytes()
    changed = messages[0]._replace(rendered=messages[0].rendered._replace(subject="Other"))
    assert channel.deliver([changed, messages[1]]) == first
    assert (channel.folder / first[0].detail).read_bytes() == before
    assert len(files(channel)) == 2
    assert leftovers(channel) == []


def test_the_same_message_twice_in_one_batch_is_one_file(channel: OutboxChannel) -> None:
    message = numbered_messages(1)[0]
    deliveries = channel.deliver([message, message, message._replace(to_name="Other")])
    assert outcomes(deliveries) == [Outcome.accepted] * 3
    assert len(files(channel)) == 1
    assert leftovers(channel) == []


def test_a_message_that_was_read_and_moved_is_not_delivered_again(channel: OutboxChannel) -> None:
    message = numbered_messages(1)[0]
    channel.deliver([message])
    name = f"{message.message_id}.eml"
    (channel.folder / "new" / name).rename(channel.folder / "cur" / f"{name}:2,S")
    (channel.folder / "cur" / "1700000000.somebody-else:2,").write_text("not ours")
    assert outcomes(channel.deliver([message])) == [Outcome.accepted]
    assert channel.find([message.message_id])[message.message_id].outcome is Outcome.accepted
    assert channel.path_of(message.message_id) == channel.folder / "cur" / f"{name}:2,S"
    assert list((channel.folder / "new").iterdir()) == []


def test_find_tells_what_is_there_and_what_certainly_is_not(channel: OutboxChannel) -> None:
    assert channel.find([UUID(int=0)])[UUID(int=0)].outcome is Outcome.not_sent
    channel.deliver(numbered_messages(1))
    found = channel.find([UUID(int=0), UUID(int=1)])
    assert [found[UUID(int=number)].outcome for number in (0, 1)] == [Outcome.accepted, Outcome.not_sent]


def test_one_message_that_cannot_be_carried_does_not_hold_up_the_others(channel: OutboxChannel) -> None:
    messages = numbered_messages(3)
    messages[1] = messages[1]._replace(to_address="nobody\r\nBcc: all@mail.invalid")
    deliveries = channel.deliver(messages)
    assert outcomes(deliveries) == [Outcome.accepted, Outcome.refused, Outcome.accepted]
    assert "Bcc" not in deliveries[1].detail
    assert len(files(channel)) == 2


def test_an_empty_batch_makes_no_folder(channel: OutboxChannel) -> None:
    assert channel.deliver([]) == []
    assert not channel.folder.exists()


def test_nobody_else_on_the_machine_reads_what_was_sent(channel: OutboxChannel) -> None:
    with every_account_may_read():
        channel.deliver(numbered_messages(1))
    assert channel.folder.stat().st_mode & 0o777 == 0o700


def test_who_may_read_a_folder_that_was_there_stays_as_it_was(channel: OutboxChannel) -> None:
    channel.folder.mkdir()
    channel.folder.chmod(0o750)
    channel.deliver(numbered_messages(1))
    assert channel.folder.stat().st_mode & 0o777 == 0o750


def test_a_full_disk_sends_nothing_and_leaves_nothing(channel: OutboxChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    messages = numbered_messages(2)
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert outcomes(channel.deliver(messages)) == [Outcome.not_sent] * 2
    assert files(channel) == leftovers(channel) == []
    assert outcomes(channel.deliver(messages)) == [Outcome.accepted] * 2


def test_a_folder_that_cannot_be_made_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    deliveries = OutboxChannel(tmp_path / "file" / "outbox").deliver(numbered_messages(1))
    assert outcomes(deliveries) == [Outcome.not_sent]


@pytest.mark.parametrize(("reader", "read"), [(os, "scandir"), (Path, "exists")], ids=["cur", "new"])
def test_a_folder_that_a_mail_program_keeps_to_itself_sends_nothing(
    channel: OutboxChannel, monkeypatch: pytest.MonkeyPatch, reader: object, read: str
) -> None:
    def closed(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    messages = numbered_messages(2)
    with monkeypatch.context() as folder:
        folder.setattr(reader, read, closed)
        deliveries = channel.deliver(messages)
    assert outcomes(deliveries) == [Outcome.not_sent] * 2
    assert {delivery.detail for delivery in deliveries} == {"not written to the outbox: Permission denied"}
    assert files(channel) == leftovers(channel) == []


def test_what_cannot_be_cleared_away_changes_nothing_for_the_message(
    channel: OutboxChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    messages = numbered_messages(2)
    with monkeypatch.context() as disk:
        disk.setattr(Path, "unlink", read_only)
        assert outcomes(channel.deliver(messages[:1])) == [Outcome.accepted]
        disk.setattr(os, "link", read_only)
        assert outcomes(channel.deliver(messages[1:])) == [Outcome.not_sent]
    assert files(channel) == ["00000000-0000-0000-0000-000000000000.eml"]


def test_names_that_may_not_last_are_unknown(channel: OutboxChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def folder_fails(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").resolve().is_dir():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", folder_fails)
    assert outcomes(channel.deliver(numbered_messages(1))) == [Outcome.unknown]


CHILD = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{here!r}, {root!r}]
import test_outbox
channel = test_outbox.OutboxChannel(Path(sys.argv[1]))
die_after, linked, link = int(sys.argv[2]), 0, os.link
def counted_link(*names):
    global linked
    link(*names)
    linked += 1
    if linked == die_after:
        os.kill(os.getpid(), signal.SIGKILL)
os.link = counted_link
deliveries = channel.deliver(test_outbox.numbered_messages(200))
assert {{delivery.outcome.value for delivery in deliveries}} == {{"accepted"}}
"""


def child(channel: OutboxChannel, die_after: int) -> subprocess.Popen[bytes]:
    code = CHILD.format(here=str(Path(__file__).parent), root=str(PROJECT_ROOT))
    return subprocess.Popen([sys.executable, "-c", code, str(channel.folder), str(die_after)])


def test_two_processes_with_the_same_messages_deliver_each_once(channel: OutboxChannel) -> None:
    children = [child(channel, die_after=0) for _ in range(2)]
    assert [process.wait(PATIENCE) for process in children] == [0, 0]
    assert files(channel) == [f"{UUID(int=number)}.eml" for number in range(200)]
    assert leftovers(channel) == []


def test_a_process_killed_between_two_files_leaves_whole_messages_and_no_doubles(
    channel: OutboxChannel,
) -> None:
    assert child(channel, die_after=70).wait(PATIENCE) == -signal.SIGKILL
    messages = numbered_messages(200)
    found = channel.find([message.message_id for message in messages])
    there = [message_id for message_id, delivery in found.items() if delivery.outcome is Outcome.accepted]
    assert there == [UUID(int=number) for number in range(70)]
    assert outcomes(channel.deliver(messages)) == [Outcome.accepted] * 200
    read = mailbox.Maildir(channel.folder, create=False)
    assert sorted(int(mail["Subject"].split()[1]) for mail in read) == list(range(200))
