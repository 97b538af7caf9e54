"""Extracting lists for direct mail and outbound calls: due rows go to a file, are marked, and go on (R-113, R-150).

The file is complete and on disk before the marks are committed, and gets its name after: a crash in between leaves an
unfinished file, which the next export finishes or sets aside as the ledger says. Belongs here: who is on a list, and
what the ledger keeps of it. Does not belong here: files (`export_files`), whether there may be a list at all
(`may_export`), or the last look at each row (`sending.last_look`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection, ServerCursor
from psycopg.rows import class_row

from ekiden.database.again import again
from ekiden.database.statements import statement
from ekiden.delivery.address.recipients import SkipReason
from ekiden.delivery.consent.objections import NO_OBJECTIONS, Asked, read_objections
from ekiden.delivery.guards import pause_unanswered
from ekiden.delivery.lists import export_files
from ekiden.delivery.lists.export_files import AS_CSV, ExportFormat, FileOptions, InterruptedFiles, WrittenFile
from ekiden.delivery.lists.exported import Selection, known_export, marked, record_file
from ekiden.delivery.lists.may_export import (
    asked_for,
    check_asked,
    check_before_exporting,
    count_paused,
    pauses_told,
    refuse_if_paused_meanwhile,
)
from ekiden.delivery.pauses import Pause
from ekiden.delivery.sending.last_look import DueRow, Verdict, cancel, judge_and_cancel, judged_columns
from ekiden.delivery.sending.record import record_messages
from ekiden.schedule.planning.advance import advance
from ekiden.schedule.run_summaries import ExportAgainSummary, ExportSummary, Failed
from ekiden.schedule.runs import RunContext, acting, finish_run, start_run
from ekiden.schedule.unanswered import Unanswered
from ekiden.settings import Settings

ROWS_PER_PAGE = 5_000
"""Rows judged, marked and gone on from together; a page is some megabytes of memory and a second of work."""


@dataclass(frozen=True)
class ExportReport:
    """What one export did, and its file; no file where nobody was on the list.

    `cancelled` counts rows whose stop came true or whose step was stopped by force, `suppressed` those of customers on
    the suppression list, `opted_out` those of who wants no such letters or calls. `settled` tells what became of
    earlier exports' files.
    """

    run_id: UUID
    exported: int
    file: Path | None
    cancelled: int = 0
    suppressed: int = 0
    opted_out: int = 0
    neutralised: int = 0
    sha256: str | None = None
    settled: InterruptedFiles = field(default_factory=InterruptedFiles)
    same_as_before: bool | None = None
    """Of a list written again: whether the file is the same, byte by byte; None: nobody knows the earlier one."""
    paused: int = 0
    """Rows that were due for this list and left alone, because their scenario is paused."""
    pauses: tuple[Pause, ...] = ()
    """Of a list of all scenarios: what was paused when it was written."""


@dataclass(frozen=True)
class _ListedRow(DueRow):
    channel: str


@dataclass(frozen=True)
class _Taken:
    exported: int = 0
    cancelled: int = 0
    suppressed: int = 0
    opted_out: int = 0
    paused: int = 0
    pauses: tuple[Pause, ...] = ()

    def summary(self, file: str | None) -> ExportSummary:
        return ExportSummary(self.exported, self.cancelled, self.suppressed, self.opted_out, self.paused, file)


def export_due(
    connection: Connection[Any],
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    scenario: str | None = None,
    channel: str | None = None,
    options: FileOptions = AS_CSV,
) -> ExportReport:
    """Export what is due today or earlier to a file in `exports/` of the home, and return what became of it.

    `scenario` narrows it to a code, `channel` to direct mail or outbound calls. Begins with the guards, as a send run
    does. Raises `ExportRefused`, `UnknownScenario`, or `SendingPaused` if all sending, the scenario, or
    meanwhile one of those on the list is paused; nothing is marked then.
    """
    selection = Selection(scenario, channel)
    check_asked(connection, selection)
    with _alone(connection):
        check_before_exporting(connection, selection, now=now, settings=settings, context=context)
        settled = export_files.finish_interrupted(settings.exports, lambda runs: marked(connection, runs))
        with connection.transaction():
            run_id = start_run(connection, "export", "exporter", context, now=now)

        def attempt() -> tuple[_Taken, WrittenFile | None]:
            written: WrittenFile | None = None
            with acting(connection, "exporter", context, run_id, now=now):
                _lock_due(connection, selection, now, settings)
                taken = _take(connection, run_id, now, settings)
                if taken.exported:
                    written = _write(connection, run_id, run_id, selection, now, settings, options)
                refuse_if_paused_meanwhile(connection, selection, settings)
                paused = count_paused(connection, selection, now, settings)
                taken = replace(taken, paused=paused, pauses=pauses_told(connection, selection, settings))
                connection.execute("drop table pg_temp.due_lists")
                file_name = written.final_path.name if written else None
                finish_run(connection, run_id, now=now, summary=taken.summary(file_name))
            return taken, written

        with _recording_failure(connection, run_id, now):
            taken, written = _whatever_answers(connection, attempt, now, context)
        report = ExportReport(
            run_id,
            taken.exported,
            None,
            taken.cancelled,
            taken.suppressed,
            taken.opted_out,
            settled=settled,
            paused=taken.paused,
            pauses=taken.pauses,
        )
        return _finish(report, written)


def export_again(
    connection: Connection[Any],
    list_run_id: UUID,
    *,
    now: datetime,
    settings: Settings,
    context: RunContext,
    options: FileOptions | None = None,
) -> ExportReport:
    """Write the list of an earlier export anew, with the customers' data of now, and return its report; marks nothing.

    Without `options` it is written as it was. Raises `ExportRefused` for a run that exported nothing.
    """
    with _alone(connection):
        settled = export_files.finish_interrupted(settings.exports, lambda runs: marked(connection, runs))
        known = known_export(connection, list_run_id)
        chosen = options or FileOptions(
            ExportFormat(known.format or ExportFormat.CSV), bool(known.byte_order_mark), bool(known.verbatim)
        )
        selection = Selection(known.scenario_code, known.channel)
        with connection.transaction():
            run_id = start_run(connection, "export", "exporter", context, now=now)
        with _recording_failure(connection, run_id, now), connection.transaction():
            written = _write(connection, run_id, known.list_run_id, selection, now, settings, chosen)
            summary = ExportAgainSummary(str(known.list_run_id), written.final_path.name)
            finish_run(connection, run_id, now=now, summary=summary)
        # another way of writing gives another file of the same list
        same_way = (known.format, known.byte_order_mark, known.verbatim) == (
            chosen.form, chosen.byte_order_mark, chosen.verbatim
        )  # fmt: skip
        same = written.sha256 == known.sha256 if same_way else None
        return _finish(ExportReport(run_id, written.row_count, None, settled=settled, same_as_before=same), written)


@contextmanager
def _alone(connection: Connection[Any]) -> Iterator[None]:
    """Wait until nobody else exports, and keep others out: an unfinished file then is nobody's work in progress."""
    connection.execute("select pg_advisory_lock(hashtext('ekiden.export'))")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("select pg_advisory_unlock(hashtext('ekiden.export'))")


@contextmanager
def _recording_failure(connection: Connection[Any], run_id: UUID, now: datetime) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if not connection.closed:
            with connection.transaction():
                finish_run(connection, run_id, now=now, summary=Failed(str(error)), succeeded=False)
        raise


def _whatever_answers(
    connection: Connection[Any],
    attempt: Callable[[], tuple[_Taken, WrittenFile | None]],
    now: datetime,
    context: RunContext,
) -> tuple[_Taken, WrittenFile | None]:
    """Return what `attempt` does, without the scenarios that cannot be asked whether to stop: those it pauses."""
    while True:
        try:
            return again(connection, attempt)
        except Unanswered as found:
            pause_unanswered(connection, found, now=now, context=context)


def _lock_due(connection: Connection[Any], selection: Selection, now: datetime, settings: Settings) -> None:
    connection.execute(statement(__file__, "make_due_lists"))
    connection.execute(statement(__file__, "lock_due_lists"), asked_for(selection, now, settings))


def _take(connection: Connection[Any], run_id: UUID, now: datetime, settings: Settings) -> _Taken:
    """Mark and go on from those of the locked rows that pass the last look; the others end here."""
    taken, after = _Taken(), 0
    while page := _next_page(connection, after):
        after = page[-1].schedule_row_id
        # a list waits for whoever extracts it: T5 is a sender's
        verdicts = judge_and_cancel(connection, page, now=now, max_lateness=None)
        passed = verdicts[Verdict.CLAIM]
        # without addresses: one of mail concerns mail
        objections = read_objections(
            connection, [Asked(row.schedule_row_id, row.customer_id, row.channel) for row in passed]
        )
        found = {row.schedule_row_id: objections.get(row.schedule_row_id, NO_OBJECTIONS) for row in passed}
        of_each = [(row, found[row.schedule_row_id]) for row in passed]
        suppressed = [row for row, against in of_each if against.is_suppressed]
        opted_out = [row for row, against in of_each if against.is_opted_out and not against.is_suppressed]
        cancel(connection, suppressed, SkipReason.SUPPRESSED, now, exit_reason="step_not_sent")
        cancel(connection, opted_out, SkipReason.OPTED_OUT, now, exit_reason="step_not_sent")
        kept_off = {row.schedule_row_id for row in (*suppressed, *opted_out)}
        rows = [row.schedule_row_id for row in passed if row.schedule_row_id not in kept_off]
        if rows:
            connection.execute(statement(__file__, "mark_exported"), {"rows": rows, "now": now})
            record_messages(connection, rows, run_id)
        advance(connection, rows, now=now, settings=settings, run_id=run_id)
        taken = _Taken(
            taken.exported + len(rows),
            taken.cancelled + len(verdicts[Verdict.FORCE_STOPPED]) + len(verdicts[Verdict.STOPPED]),
            taken.suppressed + len(suppressed),
            taken.opted_out + len(opted_out),
        )
    return taken


def _next_page(connection: Connection[Any], after: int) -> list[_ListedRow]:
    with connection.cursor(row_factory=class_row(_ListedRow)) as cursor:
        query = statement(__file__, "due_list_page").format(judged_columns=judged_columns())
        return cursor.execute(query, {"after": after, "page": ROWS_PER_PAGE}).fetchall()


@dataclass(frozen=True)
class _ListRows:
    """The lines of a list, streamed from the server."""

    cursor: ServerCursor[tuple[Any, ...]]

    @property
    def names(self) -> Sequence[str]:
        return [column.name for column in self.cursor.description or ()]

    def blocks(self) -> Iterator[list[tuple[Any, ...]]]:
        while block := self.cursor.fetchmany(export_files.ROWS_PER_BLOCK):
            yield block


def _write(
    connection: Connection[Any],
    run_id: UUID,
    list_run_id: UUID,
    selection: Selection,
    now: datetime,
    settings: Settings,
    options: FileOptions,
) -> WrittenFile:
    name = export_files.file_name(now, run_id, options.form)
    with connection.cursor(name="exported_list") as cursor:
        cursor.execute(statement(__file__, "exported_list"), {"run_id": list_run_id})
        written = export_files.write(settings.exports, name, _ListRows(cursor), options)
    record_file(connection, written, selection, options, run_id=run_id, list_run_id=list_run_id, now=now)
    return written


def _finish(report: ExportReport, written: WrittenFile | None) -> ExportReport:
    if written is None:
        return report
    file = export_files.finish(written)
    return replace(report, file=file, neutralised=written.neutralised, sha256=written.sha256)
