"""Extracting lists for direct mail and outbound calls: due rows go to a file, are marked, and go on (R-113, R-150).

The file is complete and on disk before the marks are committed: a crash in between leaves a file whose run the ledger
does not know, and rows that the next export takes again.
"""

import csv
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from ekiden.database.statements import statement
from ekiden.delivery.record import record_messages
from ekiden.scenarios.definition import EXPORTED_CHANNELS
from ekiden.schedule.advance import advance
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.settings import Settings


@dataclass(frozen=True)
class ExportReport:
    """How many rows one export took, and the file they are in; no file where nothing was due."""

    run_id: UUID
    exported: int
    file: Path | None


def export_due(
    connection: Connection[Any],
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    scenario: str | None = None,
) -> ExportReport:
    """Export what is due today or earlier to a CSV file in `exports/` of the home; `scenario` narrows it to a code."""
    with connection.transaction():
        run_id = start_run(connection, "export", "exporter", context, now=now)
        with acting(connection, "exporter", context, run_id, now=now):
            rows = [
                row
                for (row,) in connection.execute(
                    statement(__file__, "export_due"),
                    {
                        "now": now,
                        "today": settings.local_date(now),
                        "channels": list(EXPORTED_CHANNELS),
                        "scenario": scenario,
                    },
                )
            ]
            file = _write(connection, rows, settings.home / "exports" / f"{now:%Y%m%dT%H%M%SZ}-{run_id}.csv")
            record_messages(connection, rows, run_id)
            advance(connection, rows, now=now, settings=settings, run_id=run_id)
            finish_run(
                connection, run_id, now=now, summary={"exported": len(rows), "file": str(file) if file else None}
            )
    return ExportReport(run_id, len(rows), file)


def _write(connection: Connection[Any], rows: list[int], file: Path) -> Path | None:
    if not rows:
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as stream, connection.cursor() as cursor:
        cursor.execute(statement(__file__, "exported_list"), {"rows": rows})
        writer = csv.writer(stream)
        writer.writerow([column.name for column in cursor.description or ()])
        writer.writerows(cursor)
        stream.flush()
        os.fsync(stream.fileno())
    return unfinished.rename(file)
