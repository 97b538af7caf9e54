from io import StringIO
from uuid import UUID

import pytest
from rich.console import Console
from rich.markdown import Markdown

from assets.shown.sample import SampleKeeper
from assets.shown.tables import LONGEST_TABLE, markdown_table
from assets.steps.acting import ACTOR_TAG, starter
from ekiden.content.message import RenderedMessage
from ekiden.delivery.channels.base import Delivery, FromAddress, Outcome, OutgoingMessage
from ekiden.delivery.consent.unsubscribe_tokens import signer_of, token_of


def outgoing(number: int) -> OutgoingMessage:
    return OutgoingMessage(
        message_id=UUID(int=number),
        to_address="hanako@shop.example",
        to_name="駅 花子",
        from_address=FromAddress("shop@ekiden.invalid", "Ekiden Shop"),
        rendered=RenderedMessage(f"件名 {number}", "text", None, "hash"),
        unsubscribe_url="https://ekiden.invalid/unsubscribe",
        scenario_code="cross_sell",
        step_no=1,
    )


IMAGE = "![p](https://evil.invalid/p.png)"


def read(markdown: str) -> str:
    """Return what a reader sees of Markdown: an image's words without its place, a link's without its target."""
    shown = StringIO()
    Console(file=shown, width=300, color_system=None, legacy_windows=False).print(Markdown(markdown, hyperlinks=True))
    return shown.getvalue()


class AcceptsAll:
    name = "outbox"

    def deliver(self, messages):
        return [Delivery(message.message_id, Outcome.accepted) for message in messages]

    def find(self, message_ids):
        return None


class RefusesTheFirst:
    name = "outbox"

    def deliver(self, messages):
        outcomes = [Outcome.refused, *[Outcome.accepted] * (len(messages) - 1)]
        return [Delivery(m.message_id, outcome) for m, outcome in zip(messages, outcomes, strict=True)]

    def find(self, message_ids):
        return None


def test_the_sample_is_a_message_that_was_really_sent_and_shows_no_address() -> None:
    keeper = SampleKeeper(RefusesTheFirst())
    keeper.deliver([outgoing(1), outgoing(2)])
    assert "件名 2" in keeper.sample()
    assert "hanako@" not in keeper.sample()
    assert keeper.message_ids == [UUID(int=2)]


def test_the_sample_is_not_read_as_markdown_and_unsubscribes_nobody() -> None:
    first = outgoing(1)
    token = token_of(signer_of(["secret" * 6]), first.message_id)
    rendered = RenderedMessage(f"{IMAGE}, 花子", f"Stop: https://shop.example/u/{token}\n", None, "hash")
    keeper = SampleKeeper(AcceptsAll())
    keeper.deliver([first._replace(rendered=rendered)])
    assert f"{IMAGE}, 花子" in read(keeper.sample())
    assert "Stop: https://shop.example/u/…" in keeper.sample()
    assert token not in keeper.sample()


def test_a_run_that_sent_nothing_says_so() -> None:
    assert SampleKeeper(RefusesTheFirst()).sample() == "nothing was sent"


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    assert markdown_table(("n",), [(n,) for n in range(LONGEST_TABLE + 7)]).endswith("and 7 more")


def test_a_cell_cannot_break_its_table() -> None:
    assert markdown_table(("name",), [("a|b\nc",)]).splitlines()[-1] == "| a\\|b c |"


@pytest.mark.parametrize(
    "written",
    [
        IMAGE,
        "[Log in](https://evil.invalid/)",
        "\\[Log in](https://evil.invalid/)",
        "` ![p](u) ` `` ![p](u) ` `",
        "x\\|y|z\\",
        "<br/> and &lt; and <https://evil.invalid/>",
        "write `data_tests: [eligibility_contract]` in the model's yml",
        "駅田 👩‍👩‍👧, 葡萄 [red], R&D, cross_sell, 50 % + 1!",
    ],
)
def test_a_cell_is_shown_as_it_was_written(written: str) -> None:
    shown = read(markdown_table(("name", "by"), [(written, "hanako")]))
    assert [part.strip() for part in shown.splitlines()[-2].rsplit("  ", 1)] == [written, "hanako"]


def test_a_command_in_a_cell_stays_one() -> None:
    line = markdown_table(("do",), [("run `ekiden release`\r\nor\x85wait\n",)]).splitlines()[-1]
    assert line == "| run `ekiden release` or wait |"


def test_the_ledger_learns_what_started_a_run() -> None:
    assert starter({"dagster/schedule_name": "plan_today"}) == "schedule plan_today"
    assert starter({"dagster/sensor_name": "due_rows"}) == "sensor due_rows"
    assert starter({ACTOR_TAG: "Hanako"}) == "Hanako"
    # done again by a person: Dagster copies the tags of the first run
    assert starter({"dagster/sensor_name": "due_rows", "dagster/parent_run_id": "1"}) == "dagster user"
    assert starter({}) == "dagster user"
