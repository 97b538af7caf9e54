"""Tables on terminals of any width: nothing is cut, and an id that can be copied is in one piece.

And what a terminal does with what strangers wrote: nothing but to show it.
"""

import csv
import json
from dataclasses import dataclass, fields
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from rich.text import Text

from ekiden.cli.output import Format, complain, console, errors, show

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


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


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


@pytest.mark.parametrize(("form", "reader"), [(Format.JSON, json.loads), (Format.CSV, read_csv)])
def test_rows_of_a_stream_are_written_as_they_come(form: Format, reader, capsys: pytest.CaptureFixture[str]):
    written = ""

    def found():
        nonlocal written
        for reason in ("a\nb\u2028c", '"}, {"', ""):
            yield Row(reason=reason)
            written += capsys.readouterr().out
            assert written.count(MESSAGE_ID) == len(reader(written + ("\n]" if form is Format.JSON else "")))

    assert show(found(), COLUMNS, of=Row, form=form, zone=ZoneInfo("Asia/Tokyo")) == 3
    read = reader(written + capsys.readouterr().out)
    assert [row["reason"] for row in read] == ["a\nb\u2028c", '"}, {"', ""]
    assert [list(row) for row in read] == [list(COLUMNS)] * 3


def test_a_terminal_is_told_nothing_by_what_strangers_wrote(capsys: pytest.CaptureFixture[str]):
    orders = "".join(map(chr, (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0))))
    said = f"550 {orders}\x1b]0;pwned\x07\x1b[2J\x9b31mno"
    zone = ZoneInfo("Asia/Tokyo")
    show([Row(customer_id=said, reason=said)], COLUMNS, of=Row, form=Format.TABLE, zone=zone)
    console().print(Text(said))
    complain("error", said)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert "550 ]0;pwned[2J31mno" in text
        assert not set(orders) & set(text)


def test_what_people_write_is_shown_as_it_was(capsys: pytest.CaptureFixture[str]):
    said = "駅田 伝子 👩‍👩‍👧 が\u3099 – “x”"
    zone = ZoneInfo("Asia/Tokyo")
    show([Row(customer_id=said, reason="a\tb\nc")], COLUMNS, of=Row, form=Format.TABLE, zone=zone)
    by_ekiden = capsys.readouterr().out
    show(
        [Row(customer_id=said, reason="a\tb\nc")], COLUMNS, of=Row, form=Format.TABLE, zone=zone, on=Console(width=200)
    )
    assert by_ekiden == capsys.readouterr().out
    assert said in by_ekiden


def test_colours_and_progress_are_still_the_terminals(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = errors()
    terminal.print(Text("said", "bold red"))
    terminal.show_cursor(False)
    assert capsys.readouterr().err == "\x1b[1;31msaid\x1b[0m\n\x1b[?25l"
