"""The outbox: every message as a file in a Maildir, for trying Ekiden out and for everything before the real
thing.

Any mail program that reads a Maildir shows it (`mutt -f .ekiden/outbox`). A message is in the outbox at most
once, whatever crashes, is repeated or runs at the same time: its file's name is its id, and `link` refuses a
second one. A file that was deleted counts as never delivered, so empty the outbox only while nothing is being
sent.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from uuid import UUID

from ekiden.clock import Clock, utc_now
from ekiden.database.place import make_durable
from ekiden.delivery.channels.addressing import fault_of
from ekiden.delivery.channels.base import Delivery, Outcome, OutgoingMessage
from ekiden.delivery.channels.mime import to_bytes

_SUFFIX = ".eml"  # so that a desktop's mail program opens the file
# Files whose fsync waits at the same time: the file system then writes its journal once for several. 500
# files of 14 kB on ext4: 0.27 s with 1, 0.1 s with 8, no less with 16.
_WAITING_FOR_THE_DISK = 8


@dataclass(frozen=True)
class OutboxChannel:
    """A Maildir at `folder` as a channel; `clock` gives the Date header."""

    folder: Path
    clock: Clock = utc_now

    @property
    def name(self) -> str:
        return "outbox"

    def deliver(self, messages: Sequence[OutgoingMessage]) -> list[Delivery]:
        """Return one delivery per message; an accepted one is on the disk and survives a loss of power.

        The batch waits for the disk together: all are written, then all made durable, then all named.
        """
        if not messages:
            return []
        try:
            self._make_folders()
            seen = self._read_by_a_mail_program()
        except OSError as error:
            return [_not_written(message.message_id, error) for message in messages]
        written = [self._write(message, seen) for message in messages]
        with ThreadPoolExecutor(_WAITING_FOR_THE_DISK) as waiting:
            durable = list(waiting.map(_keep, written))
        return self._made_durable([self._name(file) for file in durable])

    def find(self, message_ids: Sequence[UUID]) -> dict[UUID, Delivery]:
        """Return for each id whether its file is there; no file means certainly not sent."""
        seen = self._read_by_a_mail_program()
        return {message_id: self._find(message_id, seen) for message_id in message_ids}

    def path_of(self, message_id: UUID) -> Path | None:
        """Return the message's file, None if there is none."""
        fresh = self._path(message_id)
        return fresh if fresh.exists() else self._read_by_a_mail_program().get(message_id)

    def _find(self, message_id: UUID, seen: dict[UUID, Path]) -> Delivery:
        path = self._path(message_id)
        if path.exists():
            return self._accepted(message_id, path)
        if message_id in seen:
            return self._accepted(message_id, seen[message_id])
        return Delivery(message_id, Outcome.not_sent, detail="there is no file of it in the outbox")

    def _write(self, message: OutgoingMessage, seen: dict[UUID, Path]) -> "Delivery | _NewFile":
        """Return the message's new file in tmp, or the delivery if none is to be written."""
        if fault := fault_of(message):
            return Delivery(message.message_id, Outcome.refused, detail=fault)
        # a name of its own: another process, or this batch itself, may hold the same message
        path = self.folder / "tmp" / f"{message.message_id}.{token_hex(8)}"
        try:
            earlier = self._find(message.message_id, seen)
            if earlier.outcome is Outcome.accepted:
                return earlier
            path.write_bytes(to_bytes(message, self.clock()))
        except OSError as error:
            _clear_away(path)
            return _not_written(message.message_id, error)
        return _NewFile(message.message_id, path)

    def _name(self, file: "Delivery | _NewFile") -> Delivery:
        """Give a durable file its name in the outbox; return what became of it."""
        if isinstance(file, Delivery):
            return file
        path = self._path(file.message_id)
        try:
            os.link(file.path, path)
        except FileExistsError:
            pass  # another process was faster with the same message
        except OSError as error:
            return _not_written(file.message_id, error)
        finally:
            _clear_away(file.path)
        return self._accepted(file.message_id, path)

    def _made_durable(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Make the names of all files durable at once; otherwise it is not known whether they last."""
        if not any(delivery.outcome is Outcome.accepted for delivery in deliveries):
            return deliveries
        try:
            make_durable(self.folder / "new")
        except OSError as error:
            detail = f"the outbox folder could not be made durable: {error.strerror}"
            return [_doubted(delivery, detail) for delivery in deliveries]
        return deliveries

    def _accepted(self, message_id: UUID, path: Path) -> Delivery:
        place = str(path.relative_to(self.folder))
        return Delivery(message_id, Outcome.accepted, provider_message_id=path.name, detail=place)

    def _path(self, message_id: UUID) -> Path:
        return self.folder / "new" / f"{message_id}{_SUFFIX}"

    def _read_by_a_mail_program(self) -> dict[UUID, Path]:
        """Return the files a mail program moved to `cur`, where their names end in flags (`:2,S`)."""
        try:
            files = list(os.scandir(self.folder / "cur"))
        except FileNotFoundError:
            return {}
        return dict(_ours(files))

    def _make_folders(self) -> None:
        # names, addresses and signed links are for nobody else on the machine; who wants others to read them makes the
        # folder first
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("tmp", "new", "cur"):
            (self.folder / part).mkdir(exist_ok=True)


@dataclass(frozen=True)
class _NewFile:
    message_id: UUID
    path: Path


def _keep(file: Delivery | _NewFile) -> Delivery | _NewFile:
    """Make a new file durable; return it, or the delivery if the disk refused."""
    if isinstance(file, Delivery):
        return file
    try:
        make_durable(file.path)
    except OSError as error:
        _clear_away(file.path)
        return _not_written(file.message_id, error)
    return file


def _clear_away(path: Path) -> None:
    # what stays in tmp is no mail, and says nothing of whether the message was named
    with suppress(OSError):
        path.unlink()


def _ours(files: Iterable[os.DirEntry[str]]) -> Iterable[tuple[UUID, Path]]:
    for file in files:
        stem, suffix, _ = file.name.partition(_SUFFIX)
        if suffix:
            try:
                yield UUID(stem), Path(file.path)
            except ValueError:
                continue  # somebody else's mail


def _not_written(message_id: UUID, error: OSError) -> Delivery:
    return Delivery(message_id, Outcome.not_sent, detail=f"not written to the outbox: {error.strerror}")


def _doubted(delivery: Delivery, detail: str) -> Delivery:
    accepted = delivery.outcome is Outcome.accepted
    return replace(delivery, outcome=Outcome.unknown, detail=detail) if accepted else delivery
