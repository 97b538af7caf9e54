"""The jobs by which a person changes rows, or pauses and resumes sending, in the words of the command line.

Belongs here: what such a job shows before and after. Does not belong here: what an action does
(`ekiden.schedule.operating.operators`), a pause (`ekiden.delivery.pauses`) or a person's word
(`ekiden.delivery.unknown.settle`).
"""

from collections.abc import Iterable

from dagster import JobDefinition, MetadataValue, OpExecutionContext, ResourceParam, job, op

from assets.shown.held import held_metadata
from assets.shown.tables import markdown_table
from assets.steps.acting import ledger, run_context
from assets.steps.refusals import refusing
from assets.unknown import unknown_metadata
from ekiden.clock import Clock
from ekiden.delivery.pauses import Pause, open_pauses, pause, resume
from ekiden.delivery.unknown.carried import CarriedRow, carried_rows, said_of_arrived
from ekiden.delivery.unknown.rows import unknown_counts
from ekiden.delivery.unknown.settle import refuse_settling, settle
from ekiden.schedule.operating.actions import ACTIONS, Action
from ekiden.schedule.operating.operators import PreviewCount, applicable, due_later, operate, preview, refuse_order
from ekiden.schedule.operating.without_rows import STANDINGS, WithoutRow
from ekiden.schedule.rows import ScheduleRow
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings
from orchestration.jobs.forms import OperateRows, PauseSending, ResumeSending, SettleUnknown
from orchestration.jobs.names import RELEASING_JOB, RELEASING_OP
from orchestration.jobs.showing import show

SAMPLE_ROWS = 20
"""Rows shown of those that an action would touch."""


def operator_job(action: Action, *, name: str, op_name: str) -> JobDefinition:
    """Return the job of one operator action; it shows what it would touch, and changes it unless it is a dry run."""

    @op(name=op_name, description=f"{action.explanation} A dry run only shows which.", tags={"kind": "ledger"})
    @refusing()
    def operate_rows(
        context: OpExecutionContext,
        config: OperateRows,
        settings: ResourceParam[Settings],
        clock: ResourceParam[Clock],
    ) -> None:
        row_filter = applicable(action, config.row_filter())
        with ledger(settings) as connection:
            found = preview(connection, action, row_filter, sample=SAMPLE_ROWS)
            metadata = {
                "matching": MetadataValue.md(preview_table(found.counts)),
                "first_rows": MetadataValue.md(row_table(found.sample)),
                "rows_matching": MetadataValue.int(found.matched),
                "rows_changed": MetadataValue.int(0),
                "sending": MetadataValue.text(_told(open_pauses(connection, zone=settings.zone))),
            }
            if action.without_rows:
                metadata |= {
                    "without_rows": MetadataValue.md(without_rows_table(found.first_without_rows)),
                    "without_rows_matching": MetadataValue.int(found.matched_without_rows),
                    "without_rows_changed": MetadataValue.int(0),
                }
            if said := said_of_arrived(action):
                carried = carried_rows(connection, row_filter, limit=SAMPLE_ROWS)
                metadata["rows_arrived"] = MetadataValue.int(carried[0].rows if carried else 0)
                if carried:
                    metadata["first_arrived"] = MetadataValue.md(carried_table(carried))
                    context.log.warning(f"{carried[0].rows:,} {said}")
            if action.sends_today:
                today = settings.local_date(clock())
                early = due_later(connection, action, row_filter, today=today)
                metadata["rows_due_later"] = MetadataValue.int(early)
                if early:
                    context.log.warning(
                        f"{early:,} of these rows are due after {today}, and a release lets them go before their day; "
                        f"to leave them held, set due_to to {today}"
                    )
            if config.dry_run:
                if action.asks_eligibility:
                    metadata |= held_metadata(
                        connection, row_filter, now=clock(), settings=settings, sample=SAMPLE_ROWS
                    )
                context.log.info(f"dry run: nothing was changed; set dry_run to false to {action.name} these rows")
            else:
                refuse_order(
                    action,
                    reason=config.reason,
                    limit=config.limit,
                    matched=found.matched,
                    without_rows=found.matched_without_rows,
                )
                report = operate(
                    connection,
                    action,
                    row_filter,
                    now=clock(),
                    settings=settings,
                    context=run_context(context, actor=config.actor),
                    limit=config.limit,
                    reason=config.reason,
                )
                metadata["rows_changed"] = MetadataValue.int(report.changed)
                if action.without_rows:
                    metadata["without_rows_changed"] = MetadataValue.int(report.without_rows_changed)
                if action.sends_today:
                    metadata["rows_due_later"] = MetadataValue.int(report.due_later)
                metadata["not_changed"] = MetadataValue.text("; ".join(map(str, report.not_changed)) or "none")
                metadata["ledger_run_id"] = MetadataValue.text(str(report.run_id))
        show(context, metadata)

    @job(name=name, description=f"{action.explanation} A dry run first shows which; only a person may do this.")
    def operator_action() -> None:
        operate_rows()

    return operator_action


@op(name="pause", description="Stop sending: running senders stop with their next claim.", tags={"kind": "ledger"})
@refusing()
def pause_op(
    context: OpExecutionContext,
    config: PauseSending,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Pause what the config says."""
    with ledger(settings) as connection:
        made = pause(
            connection,
            config.paused_scenario(),
            reason=config.reason,
            now=clock(),
            context=run_context(context, actor=config.actor),
        )
        pauses = open_pauses(connection, zone=settings.zone)
    paused = str(made.in_zone(settings.zone))
    show(context, {"paused": MetadataValue.text(paused), "sending": MetadataValue.text(_told(pauses))})


@op(name="resume", description="Go on sending, after a pause by a person or by a guard.", tags={"kind": "ledger"})
@refusing()
def resume_op(
    context: OpExecutionContext,
    config: ResumeSending,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Resume what the config says."""
    with ledger(settings) as connection:
        ended = resume(
            connection,
            config.scenario or None,
            reason=config.reason,
            now=clock(),
            context=run_context(context, actor=config.actor),
        )
        pauses = open_pauses(connection, zone=settings.zone)
    resumed = "; ".join(str(each.in_zone(settings.zone)) for each in ended)
    metadata = {
        "resumed": MetadataValue.text(resumed or "nothing was paused"),
        "pauses_ended": MetadataValue.int(len(ended)),
        "sending": MetadataValue.text(_told(pauses)),
    }
    show(context, metadata)


@op(
    name="settle",
    description="Say what became of messages of unknown outcome. A dry run only shows what is known of them.",
    tags={"kind": "ledger"},
)
@refusing()
def settle_op(
    context: OpExecutionContext,
    config: SettleUnknown,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Settle what the config says."""
    now, settled = clock(), config.settled()
    chosen = config.chosen(now)
    with ledger(settings) as connection:
        refuse_unknown(connection, chosen.scenario)
        counts = unknown_counts(connection, chosen, now=now, unknown_after=settings.unknown_after)
        matched = sum(count.rows for count in counts)
        metadata = {
            **unknown_metadata(connection, chosen, now=now, settings=settings, sample=SAMPLE_ROWS),
            "rows_matching": MetadataValue.int(matched),
            "rows_changed": MetadataValue.int(0),
        }
        if config.dry_run:
            context.log.info(f"dry run: nothing was changed; set dry_run to false to settle these rows as {settled}")
        else:
            refuse_settling(settled, reason=config.reason, retry_them=config.retry, matched=matched, limit=config.limit)
            report = settle(
                connection,
                settled,
                chosen,
                now=now,
                settings=settings,
                context=run_context(context, actor=config.actor),
                reason=config.reason or "",
                limit=config.limit,
                retry_them=config.retry,
            )
            metadata["rows_changed"] = MetadataValue.int(report.changed)
            metadata["rows_retried"] = MetadataValue.int(report.retried)
            metadata["not_changed"] = MetadataValue.text("; ".join(map(str, report.not_changed)) or "none")
            metadata["ledger_run_id"] = MetadataValue.text(str(report.run_id))
    show(context, metadata)


@job(
    description="Say what became of messages of unknown outcome: sent, or not sent. A dry run first shows the evidence."
)
def settle_unknown() -> None:
    """Settle messages of unknown outcome."""
    settle_op()


@job(
    description="Emergency stop: of one scenario or of all sending and exporting, at once.",
    # before whatever waits in the queue, sends among it; a run that a person starts in the UI gets no `run_tags`
    tags={"dagster/priority": "100"},
)
def pause_sending() -> None:
    """Pause sending."""
    pause_op()


@job(description="Go on after a pause. What is too late by then is held until somebody releases it: no flood.")
def resume_sending() -> None:
    """Resume sending."""
    resume_op()


OPERATOR_JOBS: tuple[JobDefinition, ...] = (
    operator_job(ACTIONS["release"], name=RELEASING_JOB, op_name=RELEASING_OP),
    *(
        operator_job(action, name=f"{action.name}_rows", op_name=action.name)
        for action in ACTIONS.values()
        if action.name != "release"
    ),
    pause_sending,
    resume_sending,
    settle_unknown,
)


def preview_table(counts: Iterable[PreviewCount]) -> str:
    """Return what an action would look at as a Markdown table, by scenario, step, state and hold reason."""
    return markdown_table(
        ("scenario", "step", "state", "hold reason", "rows"),
        ((count.scenario_code, count.step_no, count.state, count.hold_reason, f"{count.rows:,}") for count in counts),
    )


def row_table(rows: Iterable[ScheduleRow]) -> str:
    """Return rows as a Markdown table for an operator."""
    return markdown_table(
        ("scenario", "customer", "step", "due", "state", "reason"),
        ((row.scenario_code, row.customer_id, row.step_no, row.due_date, row.state_ja, row.reason) for row in rows),
    )


def without_rows_table(enrolments: Iterable[WithoutRow]) -> str:
    """Return enrolments without a row as a Markdown table: how they stand, and the day that step 1 is due."""
    return markdown_table(
        ("scenario", "customer", "stands", "step 1 due", "anchor"),
        (
            (each.scenario_code, each.customer_id, STANDINGS[each.standing], each.due_date, each.anchor_key)
            for each in enrolments
        ),
    )


def carried_table(rows: Iterable[CarriedRow]) -> str:
    """Return rows whose message the provider has as a Markdown table, with what it told of them."""
    return markdown_table(
        ("scenario", "customer", "step", "reason", "events", "message"),
        ((row.scenario_code, row.customer_id, row.step_no, row.reason, row.events, row.message_id) for row in rows),
    )


def _told(pauses: Iterable[Pause]) -> str:
    return "; ".join(map(str, pauses)) or "not paused"
