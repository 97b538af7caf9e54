"""Small tables for the metadata of a materialisation.

Belongs here: counts and rows as Markdown, and text that is not to be read as such. Does not belong here: reading them
from anywhere.
"""

import re
from collections.abc import Iterable, Sequence

from ekiden.schedule.held import EligibilityCount
from ekiden.schedule.planning.decisions import DecisionCount
from ekiden.schedule.rows import RowCount

LONGEST_TABLE = 50
"""Lines of a table in the UI; whoever needs more asks `ekiden rows`."""

# what begins a link, an image, HTML or an entity, ends a cell, or is an escape itself
_READ_AS_MARKDOWN = re.compile(r"[\\|<&\[]")
# between backticks no escape would be read
_ESCAPED = re.compile(r"[\\|<&\[`]")


def markdown_table(headings: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, shortened to `LONGEST_TABLE` lines; "nothing" where there are no lines."""
    cells = [[_cell(value) for value in line] for line in lines]
    if not cells:
        return "nothing"
    shown = [list(headings), ["---"] * len(headings), *cells[:LONGEST_TABLE]]
    table = "\n".join(f"| {' | '.join(line)} |" for line in shown)
    left_out = len(cells) - LONGEST_TABLE
    return table if left_out <= 0 else f"{table}\n\nand {left_out:,} more"


def count_table(counts: Iterable[RowCount]) -> str:
    """Return a Markdown table of rows by scenario, step and state."""
    return markdown_table(
        ("scenario", "step", "state", "rows"),
        ((count.scenario_code, count.step_no, count.state, f"{count.rows:,}") for count in counts),
    )


def decision_table(counts: Iterable[DecisionCount]) -> str:
    """Return a Markdown table of one run's decisions by scenario and rule."""
    return markdown_table(
        ("scenario", "rule", "customers"),
        ((count.scenario_code, count.rule, f"{count.customers:,}") for count in counts),
    )


def eligibility_table(counts: Iterable[EligibilityCount]) -> str:
    """Return a Markdown table of rows by scenario, step, state and hold reason, with how their people stand now."""
    return markdown_table(
        (
            "scenario",
            "step",
            "state",
            "hold reason",
            "rows",
            "people",
            "still eligible",
            "entry no longer holds",
            "stop holds",
            "anchor gone",
            "not known",
            "longest days",
        ),
        (
            (
                count.scenario_code,
                count.step_no,
                count.state,
                count.hold_reason,
                f"{count.rows:,}",
                f"{count.people:,}",
                f"{count.still_eligible:,}",
                f"{count.entry_no_longer_holds:,}",
                f"{count.stop_holds:,}",
                f"{count.anchor_gone:,}",
                f"{count.not_known:,}",
                count.longest_days,
            )
            for count in counts
        ),
    )


def rows_in(counts: Iterable[RowCount]) -> int:
    """Return how many rows the counts have."""
    return sum(count.rows for count in counts)


def _cell(value: object) -> str:
    return "" if value is None else escaped(str(value))


def escaped(text: str) -> str:
    """Return a text on one line that Markdown shows as it is: what strangers write fetches no image and hides no link.

    Stars and underlines stay what they are, and so do backticks in a text that has nothing else: they only change how
    it looks.
    """
    line = " ".join(text.splitlines())
    return _ESCAPED.sub(r"\\\g<0>", line) if _READ_AS_MARKDOWN.search(line) else line
