"""The jobs by which a person looks, in the words of the command line; none of them changes anything.

Belongs here: how their answers are laid out on a run's page. Does not belong here: any answer (`ekiden.schedule.rows`,
`ekiden.schedule.held`, `ekiden.insights`), and the forms (`looking_forms`).
"""

from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from dagster import JobDefinition, MetadataValue, OpExecutionContext, ResourceParam, job, op
from rich.console import Console
from rich.tree import Tree

from assets.shown.held import held_count_metadata, held_table
from assets.shown.tables import count_table, markdown_table
from assets.steps.acting import ledger
from assets.steps.refusals import refusing
from ekiden.clock import Clock
from ekiden.delivery.pauses import pause_history
from ekiden.insights.decisions import bounded, count_by_rule, decisions
from ekiden.insights.explanation.tree import explanation_tree
from ekiden.insights.moments import moment
from ekiden.insights.status import deployment_status
from ekiden.insights.status_wording import status_in_words
from ekiden.insights.timeline import TimelineEntry, timeline
from ekiden.insights.why import why
from ekiden.local_time import to_the_minute, to_the_second
from ekiden.schedule.held import held_rows
from ekiden.schedule.rows import count, search, summary
from ekiden.schedule.scenario_codes import refuse_unknown
from ekiden.settings import Settings
from orchestration.jobs.looking_forms import (
    ExplainCustomer,
    SearchRows,
    ShowDecisions,
    ShowHeld,
    ShowStatus,
    ShowTimeline,
)
from orchestration.jobs.showing import show

TREE_WIDTH = 200
"""Characters of a line of an explanation: no sentence is folded."""

Columns = Sequence[tuple[str, str]]
"""Headings, and the fields below them."""

ROW_COLUMNS: Columns = (
    ("scenario", "scenario_code"),
    ("customer", "customer_id"),
    ("step", "step_no"),
    ("due", "due_date"),
    ("state", "state"),
    ("state (Japanese)", "state_ja"),
    ("reason", "reason"),
    ("send at", "send_at"),
    ("sent at", "sent_at"),
    ("message", "message_id"),
)
DECISION_COLUMNS: Columns = (
    ("day", "day"),
    ("scenario", "scenario_code"),
    ("customer", "customer_id"),
    ("step", "step_no"),
    ("decision", "decision"),
    ("rule", "rule"),
    ("other scenario", "other_scenario_code"),
    ("in words", "rule_in_words"),
)
RULE_COLUMNS: Columns = (
    ("scenario", "scenario_code"),
    ("decision", "decision"),
    ("rule", "rule"),
    ("decisions", "decisions"),
    ("in words", "rule_in_words"),
)
PAUSE_COLUMNS: Columns = (
    ("paused", "scope"),
    ("cause", "cause"),
    ("reason", "reason"),
    ("by", "paused_by"),
    ("since", "paused_at"),
    ("resumed by", "resumed_by"),
    ("resumed", "resumed_at"),
    ("why it goes on", "resume_reason"),
)


@op(name="read_rows", description="Search schedule rows. Changes nothing.", tags={"kind": "ledger"})
def rows_op(context: OpExecutionContext, config: SearchRows, settings: ResourceParam[Settings]) -> None:
    """Show the config's rows, or their counts."""
    with refusing(), ledger(settings) as connection:
        chosen = config.chosen()
        refuse_unknown(connection, chosen.scenario)
        matching = {"rows_matching": MetadataValue.int(count(connection, chosen))}
        if config.summary:
            counted = count_table(summary(connection, chosen))
            show(context, {"rows": MetadataValue.md(counted), **matching})
            return
        found = search(connection, chosen, limit=config.limit)
    table = _table(found, ROW_COLUMNS, settings.zone)
    show(context, {"rows": MetadataValue.md(table), "rows_shown": MetadataValue.int(len(found)), **matching})


@op(
    name="read_held",
    description="Show held rows: for how long, why, and whether their customers would still be eligible now.",
    tags={"kind": "ledger"},
)
def held_op(
    context: OpExecutionContext,
    config: ShowHeld,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Show the config's held rows, or their counts."""
    with refusing(), ledger(settings) as connection:
        chosen = config.chosen()
        refuse_unknown(connection, chosen.scenario)
        matching = {"rows_matching": MetadataValue.int(count(connection, chosen))}
        if config.summary:
            show(context, held_count_metadata(connection, chosen, now=clock(), settings=settings) | matching)
            return
        found = held_rows(connection, chosen, now=clock(), settings=settings, limit=config.limit)
    show(
        context,
        {"held": MetadataValue.md(held_table(found)), "rows_shown": MetadataValue.int(len(found)), **matching},
    )


@op(
    name="read_decisions",
    description="Show what was decided of customers, scenarios, steps and days, and by which rule first.",
    tags={"kind": "ledger"},
)
def decisions_op(
    context: OpExecutionContext,
    config: ShowDecisions,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Show the config's decisions, or how many each rule made."""
    with refusing(), ledger(settings) as connection:
        wanted = bounded(config.chosen(), today=settings.local_date(clock()))
        refuse_unknown(connection, wanted.scenario)
        if config.summary:
            counts = count_by_rule(connection, wanted)
            table = _table(counts, RULE_COLUMNS, settings.zone)
            total = sum(each.decisions for each in counts)
            show(context, {"decisions": MetadataValue.md(table), "decisions_in_all": MetadataValue.int(total)})
            return
        # one more than is shown tells whether there are more; counting years of them would take long
        found = decisions(connection, wanted, limit=config.limit + 1)
    shown = found[: config.limit]
    show(
        context,
        {
            "decisions": MetadataValue.md(_table(shown, DECISION_COLUMNS, settings.zone)),
            "decisions_shown": MetadataValue.int(len(shown)),
            "more": MetadataValue.text("there are more: summary counts them" if len(found) > len(shown) else "none"),
        },
    )


@op(
    name="read_status",
    description="Show what is paused and why, what is due, held, failed or unknown, and what ran last.",
    tags={"kind": "ledger"},
)
def status_op(
    context: OpExecutionContext,
    config: ShowStatus,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Show how the deployment stands, or every pause there was."""
    with ledger(settings) as connection:
        if config.pauses:
            history = pause_history(connection)
            table = _table(history, PAUSE_COLUMNS, settings.zone)
            show(context, {"pauses": MetadataValue.md(table), "pauses_in_all": MetadataValue.int(len(history))})
            return
        found = deployment_status(connection, now=clock(), settings=settings)
    told = markdown_table(("what", "how it stands"), status_in_words(found, settings))
    counts = {f"rows_{name}": MetadataValue.int(rows) for name, rows in vars(found.rows).items()}
    show(context, {"status": MetadataValue.md(told), "pauses_open": MetadataValue.int(len(found.pauses)), **counts})


@op(
    name="read_explanation",
    description="Explain why a customer is in a scenario, or is not: every condition, and what comes next.",
    tags={"kind": "ledger"},
)
def explanation_op(
    context: OpExecutionContext,
    config: ExplainCustomer,
    settings: ResourceParam[Settings],
    clock: ResourceParam[Clock],
) -> None:
    """Show the explanation that `ekiden why` gives."""
    zone = settings.zone
    with refusing(), ledger(settings) as connection:
        asked = moment(config.on, now=clock(), zone=zone)
        explanation = why(connection, config.scenario, config.customer, asked, settings=settings)
    show(
        context,
        {
            "verdict": MetadataValue.text(str(explanation.verdict)),
            "answer": MetadataValue.text(explanation.sentence),
            "fails_first": MetadataValue.text(explanation.first_failing or "nothing"),
            "next": MetadataValue.text(explanation.next),
            "explanation": MetadataValue.md(tree_in_markdown(explanation_tree(explanation, zone))),
        },
    )


@op(name="read_timeline", description="Read what happened to one customer, and why.", tags={"kind": "ledger"})
@refusing()
def timeline_op(context: OpExecutionContext, config: ShowTimeline, settings: ResourceParam[Settings]) -> None:
    """Show a timeline as the run's metadata; an unknown customer fails the run."""
    chosen = config.chosen()
    with ledger(settings) as connection:
        found = timeline(
            connection,
            config.customer,
            zone=settings.zone,
            chosen=chosen,
            limit=config.limit,
            oldest_first=config.oldest_first,
        )
    table = markdown_table(
        ("when", "scenario", "what", "why", "by"), (_timeline_cells(entry, settings.zone) for entry in found.entries)
    )
    show(
        context,
        {
            "timeline": MetadataValue.md(table),
            "entries_shown": MetadataValue.int(len(found.entries)),
            "entries_in_all": MetadataValue.int(found.total),
            "in_shop": MetadataValue.bool(found.in_shop),
        },
    )


@job(description="Search schedule rows, as `ekiden rows` does. Changes nothing.")
def search_rows() -> None:
    """Search rows."""
    rows_op()


@job(description="Show what waits for a person, how long, why, and whether it still should go, as `ekiden held` does.")
def show_held() -> None:
    """Show held rows."""
    held_op()


@job(description="Show what was decided of whom, and by which rule, as `ekiden decisions` does.")
def show_decisions() -> None:
    """Show decisions."""
    decisions_op()


@job(description="Show what is paused, due, held, failed or unknown, and what ran last, as `ekiden status` does.")
def show_status() -> None:
    """Show how the deployment stands."""
    status_op()


@job(description="Explain why a customer is in a scenario, or is not, as `ekiden why` does.")
def explain_customer() -> None:
    """Explain one customer in one scenario."""
    explanation_op()


@job(description="Show one customer: orders, entries, plans, decisions, holds, sends and events, with the reasons.")
def show_timeline() -> None:
    """Show a customer's timeline."""
    timeline_op()


LOOKING_JOBS: tuple[JobDefinition, ...] = (
    *(search_rows, show_held, show_decisions, show_status, explain_customer, show_timeline),
)


def tree_in_markdown(tree: Tree) -> str:
    """Return a tree as the terminal shows it, in a code block: what is in it is never read as Markdown."""
    text = StringIO()
    Console(file=text, width=TREE_WIDTH, color_system=None).print(tree, soft_wrap=True)
    return f"```text\n{text.getvalue()}```"


def _table(found: Sequence[Any], columns: Columns, zone: ZoneInfo) -> str:
    """Return dataclass instances as a Markdown table; instants are the shop's."""
    headings = [heading for heading, _ in columns]
    return markdown_table(headings, ([_cell(getattr(each, name), zone) for _, name in columns] for each in found))


def _cell(value: object, zone: ZoneInfo) -> object:
    return to_the_minute(value, zone) if isinstance(value, datetime) else value


def _timeline_cells(entry: TimelineEntry, zone: ZoneInfo) -> tuple[str, ...]:
    return to_the_second(entry.at, zone), entry.scenario_code or "", entry.what, entry.why or "", entry.by or ""
