"""The operators' jobs as the launchpad starts them, and the sensor while sending is paused; on a shop without dbt."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetChecksDefinition,
    AssetKey,
    AssetSelection,
    AssetSpec,
    DagsterEventType,
    DagsterInstance,
    Definitions,
    Failure,
    JobDefinition,
    SkipReason,
    build_sensor_context,
    define_asset_job,
    job,
    op,
)

from assets import deliveries, schedule
from assets.ledger_checks import ledger_checks
from assets.raw import raw_checks, raw_key
from assets.steps.partitions import due_dates
from assets.unknown import unknown_settled_check
from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.pauses import open_pauses
from ekiden.schedule.operating.actions import ACTIONS, WHY
from ekiden.warehouse.sources import SourceTable
from orchestration.jobs.operating import OPERATOR_JOBS
from sensors.due_rows import due_rows_sensor
from tests.integration.ledger_fixtures import STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

NOON = "2024-03-09 12:00"
JOBS = {operator_job.name: operator_job for operator_job in OPERATOR_JOBS}
CONTROLS = {"pause_sending": "pause", "resume_sending": "resume", "settle_unknown": "settle"}


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """C1 is ready for noon, C2 and C3 are held."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("C2", "2024-03-01")
    shop.buyer("C3", "2024-03-02")
    shop.plan()
    return shop


def run(shop: Shop, name: str, **fields: object) -> dict[str, object]:
    """Run a job with what a person fills in; return what it shows."""
    operator_job: JobDefinition = JOBS[name]
    (op_name,) = operator_job.graph.node_dict
    result = operator_job.execute_in_process(
        run_config={
            "ops": {op_name: {"config": {"actor": "Hanako", **fields}}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        resources={"settings": shop.settings, "clock": lambda: shop.now},
    )
    (output,) = [e for e in result.all_events if e.event_type == DagsterEventType.STEP_OUTPUT]
    assert broken_invariants(shop.connection) == {}
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_every_action_of_the_command_line_has_its_job() -> None:
    ops = {op_name for operator_job in OPERATOR_JOBS for op_name in operator_job.graph.node_dict}
    assert ops == (set(ACTIONS) - {"release"}) | {"release_rows"} | set(CONTROLS.values())


@pytest.mark.parametrize("name", [name for name in JOBS if name not in CONTROLS])
def test_every_action_is_a_dry_run_unless_said_otherwise(planned: Shop, name: str):
    before = planned.states()
    assert run(planned, name)["rows_changed"] == 0
    assert planned.states() == before


def test_before_failed_rows_are_tried_again_it_is_shown_which_of_them_have_arrived(planned: Shop):
    planned.channel.answers = {"c1@shop.example": Outcome.refused}
    planned.at(NOON)
    planned.send()
    assert run(planned, "retry_rows", customer="C1")["rows_arrived"] == 0
    message = planned.row(customer="C1").message_id
    planned.told("C1", "delivered")
    shown = run(planned, "retry_rows", customer="C1")
    assert (shown["rows_arrived"], shown["rows_changed"]) == (1, 0)
    assert str(message) in str(shown["first_arrived"])


def test_a_row_that_has_arrived_is_not_deleted_and_the_job_says_so(planned: Shop):
    planned.channel.answers = {"c1@shop.example": Outcome.refused}
    planned.at(NOON)
    planned.send()
    planned.told("C1", "delivered")
    shown = run(planned, "delete_rows", customer="C1", dry_run=False)
    assert (shown["rows_matching"], shown["rows_changed"]) == (1, 0)
    assert shown["not_changed"] == f"1 left: {WHY['arrived']}"
    assert planned.row(customer="C1").state == "failed"


def test_who_waits_for_step_1_is_shown_and_blocked(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    shown = run(shop, "block_rows", customer="C1")
    assert (shown["rows_matching"], shown["without_rows_matching"], shown["without_rows_changed"]) == (0, 1, 0)
    assert "| follow_up | C1 | no row yet | 2024-04-08 | O-C1-2024-03-09 |" in str(shown["without_rows"])
    assert run(shop, "block_rows", customer="C1", dry_run=False)["without_rows_changed"] == 1
    assert shop.enrolments() == {"C1": ("stopped", "blocked")}


def test_rows_go_through_every_action(planned: Shop):
    def do(name: str, **fields: object) -> dict[str, object]:
        return run(planned, name, dry_run=False, **fields)

    assert do("hold_rows", customer="C1")["rows_changed"] == 1
    assert do("release_held_rows", hold_reason=["past_due"], all=True)["rows_changed"] == 2
    assert planned.states() == {("C1", 1): "held", ("C2", 1): "ready", ("C3", 1): "ready"}
    assert do("block_rows", customer="C1", reason="asked to stop")["rows_changed"] == 1
    with pytest.raises(Failure, match="a blocked row is reopened only with a reason"):
        do("reopen_rows", customer="C1")
    assert do("reopen_rows", customer="C1", reason="a mistake")["rows_changed"] == 1
    assert do("complete_rows", row=[str(planned.row(customer="C3").message_id)])["rows_changed"] == 1
    planned.channel.answers = {"c2@shop.example": Outcome.refused}
    planned.at(NOON)
    planned.send()
    assert do("retry_rows", scenario="follow_up")["rows_changed"] == 1
    assert do("delete_rows", state=["completed", "held"], all=True)["rows_changed"] == 2
    assert planned.states() == {("C2", 1): "ready"}
    assert planned.row().released_by == "Hanako"


def test_a_release_shows_how_many_rows_go_before_their_day(planned: Shop):
    planned.at(NOON)
    planned.send()
    run(planned, "hold_rows", customer="C1", dry_run=False)
    assert run(planned, "release_held_rows")["rows_due_later"] == 1
    assert run(planned, "release_held_rows", due_to="2024-03-09", dry_run=False)["rows_due_later"] == 0
    shown = run(planned, "release_held_rows", all=True, dry_run=False)
    assert (shown["rows_changed"], shown["rows_due_later"]) == (1, 1)
    assert "rows_due_later" not in run(planned, "hold_rows")


def test_a_job_shows_what_it_would_touch_and_why_it_left_some(planned: Shop):
    shown = run(planned, "release_held_rows")
    assert shown["rows_matching"] == 2
    assert "| follow_up | 1 | held | past_due | 2 |" in shown["matching"]
    assert "C2" in shown["first_rows"]
    planned.scenario(steps=[STEP | {"state": "force_stopped"}])
    planned.plan("2024-03-20")  # a day to come: nothing but the definition is taken over
    shown = run(planned, "release_held_rows", scenario="follow_up", dry_run=False)
    assert shown["not_changed"] == "2 left: the step is stopped by force"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, "say which rows, by scenario, .* or set all to true"),
        ({"hold_reason": ["past_due"]}, "or set all to true"),
        ({"all": True, "limit": 1}, "2 rows match, more than the limit of 1"),
        ({"all": True, "state": ["sent"]}, "state sent: release applies to rows that are held"),
        ({"hold_reason": ["late"]}, "hold reason late: there are past_due, past_time, missed_send, operator"),
        ({"row": ["seven"]}, "'seven' names no row"),
        ({"due_from": "1 May"}, "due_from: '1 May' is not a day"),
        ({"due_from": "2024-03-09", "due_to": "2024-03-01"}, "due_to 2024-03-01 is before due_from 2024-03-09: swap"),
        ({"all": True, "limit": 0}, "limit: 0 is too small; it is at least 1"),
        ({"first": -1}, "first: -1 is too small; it is at least 1"),
    ],
)
def test_a_slip_in_the_form_changes_nothing(planned: Shop, fields, refusal):
    with pytest.raises(Failure, match=refusal):
        run(planned, "release_held_rows", dry_run=False, **fields)
    assert planned.states()["C2", 1] == "held"


def test_sending_is_paused_and_resumed_from_the_launchpad(planned: Shop):
    planned.at(NOON)
    run(planned, "pause_sending", scenario="follow_up", reason="a wrong picture")
    shown = run(planned, "pause_sending", all=True, reason="a wrong price")
    assert "all sending, by Hanako" in shown["paused"]
    assert [found.scenario_code for found in open_pauses(planned.connection)] == [None, "follow_up"]
    assert run(planned, "resume_sending", reason="mended")["pauses_ended"] == 1
    assert planned.send().counts.sent == 0
    shown = run(planned, "resume_sending", scenario="follow_up", reason="mended")
    assert shown["sending"] == "not paused"
    assert planned.send().counts.sent == 1


def test_a_run_that_counts_nothing_logs_no_empty_line(planned: Shop):
    with DagsterInstance.ephemeral() as instance:
        result = JOBS["pause_sending"].execute_in_process(
            run_config={
                "ops": {"pause": {"config": {"actor": "Hanako", "all": True, "reason": "a wrong price"}}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            resources={"settings": planned.settings, "clock": lambda: planned.now},
            instance=instance,
        )
        logged = [entry.user_message for entry in instance.all_logs(result.run_id) if not entry.is_dagster_event]
    assert "" not in logged


def test_fields_that_are_left_blank_name_no_scenario(planned: Shop):
    run(planned, "pause_sending", all=True, scenario="", reason="a wrong price")
    assert run(planned, "resume_sending", scenario="", reason="mended")["pauses_ended"] == 1


@pytest.mark.parametrize("actor", ["", "  "])
def test_nobody_acts_without_a_name(planned: Shop, actor: str):
    with pytest.raises(Failure, match="say who you are"):
        run(planned, "release_held_rows", actor=actor, all=True, dry_run=False)
    with pytest.raises(Failure, match="say who you are"):
        run(planned, "pause_sending", actor=actor, all=True, reason="a wrong price")
    assert planned.states()["C2", 1] == "held"
    assert open_pauses(planned.connection) == ()


def test_a_pause_that_names_nothing_is_refused(planned: Shop):
    with pytest.raises(Failure, match="name a scenario, or set all to true"):
        run(planned, "pause_sending", reason="a wrong price")
    assert open_pauses(planned.connection) == ()


def test_the_sensor_says_that_sending_is_paused_instead_of_starting_runs(planned: Shop):
    # the sensor looks at the real clock, by which C1 has been due for long
    sensor = due_rows_sensor(planned.settings, due_dates(planned.settings), [_empty_job("send_due_rows"), _empty_job()])

    def evaluate() -> object:
        clock = {"clock": lambda: datetime.now(UTC)}
        with DagsterInstance.ephemeral() as instance, build_sensor_context(instance, resources=clock) as context:
            answer = sensor(context)
            return answer.skip_reason or answer.run_requests

    ((request,)) = evaluate()
    assert request.job_name == "send_now"
    run(planned, "pause_sending", scenario="follow_up", reason="a wrong picture")
    told = evaluate()
    assert isinstance(told, SkipReason)
    assert told.skip_message.startswith("nothing is due; paused: follow_up, by Hanako")
    assert "ekiden resume follow_up --reason WHY" in told.skip_message
    run(planned, "pause_sending", all=True, reason="a wrong price")
    assert evaluate().skip_message.startswith("paused: all sending, by Hanako")


def evaluations(
    shop: Shop, keys: Iterable[AssetKey], checks: Sequence[AssetChecksDefinition]
) -> Sequence[AssetCheckEvaluation]:
    """Run checks of these assets as Dagster does; return what they found."""
    definitions = Definitions(
        assets=[AssetSpec(key) for key in keys],
        asset_checks=checks,
        jobs=[define_asset_job("check", selection=AssetSelection.all_asset_checks())],
        resources={"settings": shop.settings, "clock": lambda: shop.now},
    )
    result = definitions.resolve_job_def("check").execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    )
    return result.get_asset_check_evaluations()


def test_a_check_that_fails_in_dagster_pauses_sending(planned: Shop):
    planned.at(NOON)
    planned.send()
    with planned.connection.transaction():
        planned.execute("set local session_replication_role = replica")
        planned.execute("delete from outreach.messages")
    checks = evaluations(planned, (schedule.KEY, deliveries.KEY), ledger_checks())
    (failed,) = [check for check in checks if not check.passed]
    assert (failed.check_name, failed.metadata["offenders"].value) == ("one_message_per_sent_row", 1)
    assert failed.metadata["resume_command"].value == "`ekiden resume --reason WHY`"
    assert failed.description.startswith("1 rows break it")
    assert "all sending is paused until `ekiden resume --reason WHY`" in failed.description
    (found,) = open_pauses(planned.connection)
    assert (found.scenario_code, found.paused_by) == (None, "guard one_message_per_sent_row")


def test_a_required_table_that_is_empty_says_what_fills_it(planned: Shop):
    tables = [SourceTable("raw", name, "raw", name) for name in ("subscriptions", "products")]
    planned.execute("delete from raw.order_lines")
    planned.execute("delete from raw.products")
    checks = evaluations(planned, [raw_key(table) for table in tables], [raw_checks(tables)])
    (failed,) = [check for check in checks if not check.passed]
    assert failed.asset_key.path[-1] == "products"
    assert failed.description.startswith("raw.products is empty: `ekiden load DIR` fills it")


def test_a_table_of_the_shops_own_need_not_say_when_it_was_loaded(planned: Shop):
    planned.execute("create table raw.stores as select 1 as store")
    planned.execute("create table raw.visits as select timestamp '2024-03-01 09:00' as seen_at")
    tables = [
        SourceTable("raw", "stores", "raw", "stores"),
        SourceTable("raw", "visits", "raw", "visits", loaded_at="seen_at"),
    ]
    checks = evaluations(planned, [raw_key(table) for table in tables], [raw_checks(tables)])
    stores, visits = (check.metadata for check in checks)
    assert (stores["dagster/row_count"].value, "loaded_at" in stores) == (1, False)
    assert visits["loaded_at"].value == "2024-03-01T09:00:00+00:00"


def test_a_table_is_as_old_as_the_rows_that_its_sources_filter_admits(planned: Shop):
    planned.execute("create table raw.strolls as select timestamp '2024-03-01 09:00' as loaded_at, 'web' as door")
    planned.execute("insert into raw.strolls values (timestamp '2024-03-02 09:00', 'test')")
    tables = [SourceTable("raw", "strolls", "raw", "strolls", filter="door <> 'test'")]
    (strolls,) = evaluations(planned, [raw_key(table) for table in tables], [raw_checks(tables)])
    assert strolls.metadata["loaded_at"].value == "2024-03-01T09:00:00+00:00"
    assert strolls.metadata["dagster/row_count"].value == 2


def _empty_job(name: str = "send_now") -> JobDefinition:
    @op(name=f"{name}_op")
    def nothing() -> None:
        pass

    @job(name=name)
    def empty() -> None:
        nothing()

    return empty


@pytest.fixture
def unknown(planned: Shop) -> Shop:
    """C1's message was posted at noon, and the provider's answer said nothing; it is past the limit."""
    planned.at(NOON)
    planned.channel.answers = {"c1@shop.example": Outcome.unknown}
    planned.send()
    planned.at("2024-03-10 14:00")
    return planned


def test_messages_of_unknown_outcome_are_shown_with_their_evidence_and_settled(unknown: Shop):
    shown = run(unknown, "settle_unknown", settled_as="not-sent", older_than_hours=26)
    assert (shown["rows_matching"], shown["rows_changed"]) == (1, 0)
    assert "| follow_up | 1 | recording | unknown | 1 | 1 |" in shown["on_their_way"]
    assert "| c…@shop.example | 2024-03-09 12:00 | 26 | it said unknown |" in shown["first_unknown"]
    with pytest.raises(Failure, match="settled_as: 'perhaps' is not known; allowed: sent, not-sent"):
        run(unknown, "settle_unknown", settled_as="perhaps", all=True, dry_run=False)
    with pytest.raises(Failure, match="or set all to true"):
        run(unknown, "settle_unknown", settled_as="sent", reason="the provider says so", dry_run=False)
    with pytest.raises(Failure, match="say how you know"):
        run(unknown, "settle_unknown", settled_as="sent", all=True, dry_run=False)
    settled = {
        "customer": "C1",
        "settled_as": "not-sent",
        "reason": "the provider says so",
        "retry": True,
        "dry_run": False,
    }
    shown = run(unknown, "settle_unknown", **settled)
    assert (shown["rows_changed"], shown["rows_retried"]) == (1, 1)
    assert unknown.row(customer="C1").released_by == "Hanako"


def test_a_check_warns_of_what_a_person_has_to_settle(unknown: Shop):
    def check() -> object:
        look = define_asset_job("look", selection=AssetSelection.all_asset_checks())
        definitions = Definitions(
            assets=[AssetSpec(deliveries.KEY)],
            asset_checks=[unknown_settled_check()],
            jobs=[look],
            resources={"settings": unknown.settings, "clock": lambda: unknown.now},
        )
        (found,) = definitions.resolve_job_def("look").execute_in_process().get_asset_check_evaluations()
        return found

    warned = check()
    assert (warned.passed, warned.metadata["rows_to_settle"].value) == (False, 1)
    assert "settle_unknown" in warned.metadata["what_to_do"].value
    unknown.now -= timedelta(minutes=1)
    assert check().passed
