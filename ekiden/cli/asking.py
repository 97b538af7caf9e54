"""What commands that ask share (`audience`, `segment`, `why`, `diff`, `scenario enrolments`): the instant, the keys."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ekiden.clock import utc_now
from ekiden.insights.explanation.wording import key_in_words
from ekiden.insights.moments import Moment, moment
from ekiden.settings import Settings

FORECAST = "a forecast from the facts known now: what the calendar alone will bring"

ScenarioArgument = Annotated[str, typer.Argument(help="Scenario code.")]
OnOption = Annotated[
    str | None,
    typer.Option(
        "--on",
        help="A day (a past one: its end; a coming one: its start, a forecast) or an instant like 2026-12-01T09:00,"
        " the shop's time. Default: now.",
    ),
]


def asked_moment(text: str | None, settings: Settings) -> Moment:
    """Return the instant that --on means; wrong usage where it means none."""
    if text is not None and not text.strip():
        # a variable of a script that was never set; it is not asked about now
        raise typer.BadParameter("it is empty: give a day or an instant, or leave it out for now", param_hint="--on")
    try:
        return moment(text, now=utc_now(), zone=settings.zone)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--on") from error


def with_readable_keys(rows: Iterable[Any], zone: ZoneInfo) -> list[Any]:
    """Return rows that have an `anchor_key` with it as people read it, for a table: JSON and CSV keep the key."""
    return [replace(row, anchor_key=key_in_words(row.anchor_kind, row.anchor_key, zone)) for row in rows]
