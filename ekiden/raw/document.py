"""The raw contract as a page of documentation: `python -m ekiden.raw.document` writes docs/raw-contract.md.

Belongs here: the page's tables; the prose before them is `document.md`. Does not belong here: any rule of its
own: what the page says of columns is read from the contract, and a test holds the written page against it.
"""

from pathlib import Path

from ekiden.raw.contract import CONTRACT
from ekiden.raw.shape import Column, ColumnType, Table

PROSE = Path(__file__).with_suffix(".md")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "raw-contract.md"

_TYPES = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "whole number",
    ColumnType.NUMERIC: "number",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "time",
    ColumnType.JSON: "JSON object",
}


def contract_document() -> str:
    """Return the page, as Markdown."""
    required = ", ".join(f"`{table.name}`" for table in CONTRACT if table.required)
    parts = [PROSE.read_text(encoding="utf-8").replace("{required}", required), *map(_table, CONTRACT)]
    return "\n".join(parts)


def _table(table: Table) -> str:
    lines = [
        f"### {table.name}" + (" (required)" if table.required else ""),
        "",
        f"{table.meaning} Key: {', '.join(f'`{name}`' for name in table.key)}.",
        "",
        "| column | type | needed | meaning |",
        "|---|---|---|---|",
        *map(_column, table.columns),
        "",
    ]
    return "\n".join(lines)


def _column(column: Column) -> str:
    meaning = [column.meaning]
    if column.allowed:
        meaning.append("One of " + ", ".join(f"`{value}`" for value in column.allowed) + ".")
    if where := column.allowed_where:
        words = ", ".join(f"`{value}`" for value in where.words)
        meaning.append(f"Where `{where.column}` is `{where.says}`, one of {words}.")
    if column.bound:
        meaning.append(f"{column.bound}.".replace(">=", "At least").replace(">", "More than"))
    if column.default:
        meaning.append(f"Empty means `{column.default}`.")
    if column.reference:
        condition = " (asked for once there are any)" if column.reference.only_if_any else ""
        meaning.append(f"A key of `{column.reference.table}`{condition}.")
    needed = "required" if column.required else ""
    return f"| `{column.name}` | {_TYPES[column.type]} | {needed} | {' '.join(meaning)} |"


if __name__ == "__main__":
    PAGE.write_text(contract_document(), encoding="utf-8")
