"""Tables on terminals of any width: nothing is cut, and an id that can be copied is in one piece."""

from dataclasses import dataclass, fields
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from ekiden.cli.output import Format, show

MESSAGE_ID = "0ab01f48-abd3-4851-a737-18e4d9fab9ff"


@dataclass(frozen=True)
class Row:
    """As many columns as `ekiden rows` has."""

    scenario_code: str = "cross_sell"
    customer_id: str = "駅田伝子"
    step_no: int = 1
    due_date: str = "2026-03-09"
    state: str = "ready"
    state_ja: str = "実施可能"
    reason: str = "past_due"
    send_at: str = "2026-03-09T12:00"
    sent_at: str = "2026-03-09T12:01"
    message_id: str = MESSAGE_ID


COLUMNS = tuple(field.name for field in fields(Row))


def drawn(width: int) -> str:
    terminal = Console(file=StringIO(), width=width)
    show([Row()], COLUMNS, of=Row, form=Format.TABLE, zone=ZoneInfo("Asia/Tokyo"), on=terminal)
    assert isinstance(terminal.file, StringIO)
    return terminal.file.getvalue()


@pytest.mark.parametrize("width", [10, 40, 50, 51, 60, 84, 85, 100, 200])
def test_a_table_has_every_column_whole_however_narrow_the_terminal_is(width: int):
    lines = [line.replace("┃", "│").split("│")[1:-1] for line in drawn(width).splitlines() if line[0] in "│┃"]
    texts = ["".join(part.strip() for part in column) for column in zip(*lines, strict=True)]
    assert texts == [f"{name}{getattr(Row(), name)}" for name in COLUMNS]


@pytest.mark.parametrize(("width", "in_one_piece"), [(84, False), (85, True), (200, True)])
def test_a_messages_id_stays_in_one_piece_where_every_other_column_keeps_room(width: int, in_one_piece: bool):
    assert (MESSAGE_ID in drawn(width)) == in_one_piece
