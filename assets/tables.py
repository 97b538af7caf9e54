"""Small tables for the metadata of a materialisation.

Belongs here: counts and rows as Markdown. Does not belong here: reading them from anywhere.
"""

from collections.abc import Iterable, Sequence

from ekiden.schedule.rows import RowCount

LONGEST_TABLE = 50
"""Lines of a table in the UI; whoever needs more asks `ekiden rows`."""


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


def rows_in(counts: Iterable[RowCount], state: str | None = None) -> int:
    """Return how many rows the counts have, in one state or in all."""
    return sum(count.rows for count in counts if state in (None, count.state))


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
