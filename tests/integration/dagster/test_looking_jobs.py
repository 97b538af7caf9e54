"""The jobs by which a person looks, as the launchpad runs them; on the small shop, without dbt."""

from collections.abc import Callable, Iterator

import pytest
from dagster import DagsterInstance, Failure

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.pauses import pause, resume
from orchestration.jobs.looking import LOOKING_JOBS
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop

JOBS = {looking_job.name: looking_job for looking_job in LOOKING_JOBS}

Look = Callable[..., dict[str, object]]


@pytest.fixture
def planned(shop: Shop) -> Shop:
    """C1 is ready for noon, 駅|田 and C3 are held."""
    shop.scenario(steps=[STEP, STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-08")
    shop.buyer("駅|田", "2024-03-01", email="hanako@shop.example")
    shop.buyer("C3", "2024-03-02")
    shop.plan()
    return shop


@pytest.fixture
def look(planned: Shop) -> Iterator[Look]:
    """Runs a job with what a person fills in; returns what it shows."""
    with DagsterInstance.ephemeral() as instance:

        def run(name: str, **fields: object) -> dict[str, object]:
            (op_name,) = JOBS[name].graph.node_dict
            before = everything_that_happened(planned)
            result = JOBS[name].execute_in_process(
                instance=instance,
                run_config={
                    "ops": {op_name: {"config": fields}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                resources={"settings": planned.settings, "clock": lambda: planned.now},
            )
            assert everything_that_happened(planned) == before
            (output,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
            return {name: value.value for name, value in output.step_output_data.metadata.items()}

        yield run


def everything_that_happened(shop: Shop) -> list[tuple[object, ...]]:
    return shop.execute(
        "select (select count(*) from outreach.transitions), (select count(*) from outreach.runs),"
        " (select count(*) from outreach.schedule_rows)"
    )


def lines(table: object) -> list[str]:
    """Return the lines below a Markdown table's headings."""
    return str(table).splitlines()[2:]


def test_rows_are_searched_by_the_command_lines_filters(look: Look) -> None:
    shown = look("search_rows")
    assert (shown["rows_shown"], shown["rows_matching"]) == (3, 3)
    # a customer's id cannot break the table
    assert lines(shown["rows"])[0].startswith(
        "| follow_up | 駅\\|田 | 1 | 2024-03-02 | held | 実施保留 | past_due |  |  | "
    )
    shown = look("search_rows", state=["ready"], step_no=1, due_from="2024-03-09", due_to="2024-03-09")
    (line,) = lines(shown["rows"])
    # the shop's time, as on the command line
    assert line.startswith("| follow_up | C1 | 1 | 2024-03-09 | ready | 実施可能 |  | 2024-03-09 12:00 |  |")
    assert look("search_rows", reason="missed_send")["rows"] == "nothing"
    assert look("search_rows", hold_reason=["past_due"], state=["held", "ready"])["rows_matching"] == 2
    assert look("show_held", hold_reason=["operator"])["rows_matching"] == 0


def test_only_so_many_rows_are_shown_as_were_asked_for_and_all_are_counted(look: Look) -> None:
    shown = look("search_rows", scenario="follow_up", limit=1)
    assert (len(lines(shown["rows"])), shown["rows_shown"], shown["rows_matching"]) == (1, 1, 3)
    shown = look("search_rows", summary=True)
    assert lines(shown["rows"]) == ["| follow_up | 1 | held | 2 |", "| follow_up | 1 | ready | 1 |"]
    assert shown["rows_matching"] == 3


def test_held_rows_are_shown_with_their_age_and_whether_they_still_make_sense(planned: Shop, look: Look) -> None:
    planned.stop("C3", since=planned.now)
    planned.at("2024-03-12 06:00")
    shown = look("show_held")
    assert lines(shown["held"]) == [
        "| follow_up | 駅\\|田 | 1 | 2024-03-02 | 3 | past_due | past_due | yes | entry_holds |",
        "| follow_up | C3 | 1 | 2024-03-03 | 3 | past_due | past_due | no | stop_holds |",
    ]
    assert look("show_held", customer="C1")["rows_matching"] == 0
    shown = look("show_held", limit=1)
    assert (shown["rows_shown"], shown["rows_matching"]) == (1, 2)
    shown = look("show_held", summary=True)
    assert lines(shown["held"]) == ["| follow_up | 1 | held | past_due | 2 | 2 | 1 | 0 | 1 | 0 | 0 | 3 |"]
    assert (shown["people_still_eligible"], shown["people_no_longer_eligible"]) == (1, 1)


def test_decisions_are_todays_unless_a_customer_or_a_day_is_named(planned: Shop, look: Look) -> None:
    shown = look("show_decisions", summary=True)
    total = shown["decisions_in_all"]
    assert total == sum(int(line.split("|")[4].replace(",", "")) for line in lines(shown["decisions"])) > 0
    rule = lines(shown["decisions"])[0].split("|")[3].strip()
    shown = look("show_decisions", limit=1)
    assert (shown["decisions_shown"], shown["more"]) == (1, "there are more: summary counts them")
    assert lines(shown["decisions"])[0].startswith("| 2024-03-09 | follow_up |")
    assert look("show_decisions", rule=rule)["decisions_shown"] > 0
    planned.at("2024-03-12 06:00")
    assert look("show_decisions")["decisions"] == "nothing"
    assert look("show_decisions", customer="C1")["decisions_shown"] > 0
    assert look("show_decisions", last_day="2024-03-09")["decisions_shown"] == total
    assert look("show_decisions", first_day="2024-03-09", summary=True)["decisions_in_all"] == total


def test_the_status_is_told_in_the_command_lines_words(planned: Shop, look: Look) -> None:
    pause(planned.connection, None, reason="a wrong price", now=planned.now, context=OPERATOR)
    shown = look("show_status")
    told = lines(shown["status"])
    assert told[0].startswith("| paused | all sending, by hanako@shop.example since 2024-03-09 06:00: a wrong price")
    assert "| held | 2 rows |" in told
    assert "| ready later | 1 row |" in told
    assert (shown["pauses_open"], shown["rows_held"], shown["rows_ready_later"]) == (1, 2, 1)
    resume(planned.connection, None, reason="mended", now=planned.now, context=OPERATOR)
    planned.at("2024-03-09 12:00")
    planned.channel.answers = {"c1@shop.example": Outcome.refused}
    planned.send()
    shown = look("show_status")
    assert (shown["pauses_open"], shown["rows_failed"]) == (0, 1)
    shown = look("show_status", pauses=True)
    assert shown["pauses_in_all"] == 1
    assert "| 2024-03-09 06:00 | mended |" in str(shown["pauses"])


def test_a_customer_is_explained_as_on_the_command_line(look: Look) -> None:
    shown = look("explain_customer", scenario="follow_up", customer="駅|田")
    assert shown["verdict"] == "entered"
    assert str(shown["answer"]).startswith("is in the scenario since 2024-03-09 06:00, by")
    assert "held" in str(shown["next"])
    text = str(shown["explanation"])
    assert text.startswith("```text\ncustomer 駅|田 and scenario follow_up version 1 at 2024-03-09 06:00: is in")
    assert text.endswith("```")
    shown = look("explain_customer", scenario="follow_up", customer="C1", on="2024-03-20")
    assert "A forecast from the facts known now" in str(shown["explanation"])


def test_a_customers_timeline_is_shown_from_the_day_that_was_asked_for(planned: Shop, look: Look) -> None:
    planned.at("2024-03-09 12:00")
    planned.send()
    shown = look("show_timeline", customer="C1", first_day="2024-03-09", oldest_first=True)
    entries = lines(shown["timeline"])
    assert shown["entries_in_all"] == shown["entries_shown"] == len(entries) == 4
    assert shown["in_shop"] is True
    assert entries[0].startswith("| 2024-03-09 06:00:00 | follow_up | entered by ordered: order O-C1")
    assert "c…@shop.example" in entries[2]


@pytest.mark.parametrize(
    ("name", "fields"),
    [("search_rows", {}), ("show_held", {}), ("show_decisions", {}), ("show_timeline", {"customer": "C1"})],
)
def test_a_scenario_that_was_left_blank_is_none(look: Look, name, fields) -> None:
    assert look(name, scenario="", **fields) == look(name, **fields)


@pytest.mark.parametrize(
    ("name", "fields", "refusal"),
    [
        ("search_rows", {"state": ["late"]}, "state: 'late' is not known; allowed: ready, held, "),
        ("search_rows", {"due_from": "1 May"}, "due_from: '1 May' is not a day"),
        (
            "search_rows",
            {"due_from": "2024-03-09", "due_to": "2024-03-01"},
            "due_to 2024-03-01 is before due_from 2024-03-09: swap them",
        ),
        ("search_rows", {"limit": 0}, "limit: 0 is too small; it is at least 1"),
        ("show_held", {"limit": 1000}, "limit: 1000 is too large; it is at most 50"),
        ("show_timeline", {"customer": "C1", "limit": 0}, "limit: 0 is too small; it is at least 1"),
        ("show_timeline", {"customer": "nobody"}, "no customer 'nobody'"),
        ("search_rows", {"customer": "C\0"}, "no text of the database holds a NUL character"),
        ("show_decisions", {"customer": "C\0"}, "NUL"),
        ("show_decisions", {"rule": "mood"}, "no rule 'mood' decides; these do: "),
        (
            "show_decisions",
            {"first_day": "2024-03-09", "last_day": "2024-03-08"},
            "last_day 2024-03-08 is before first_day 2024-03-09: swap them",
        ),
        (
            "explain_customer",
            {"scenario": "follow_upp", "customer": "C1"},
            "no scenario 'follow_upp', perhaps follow_up",
        ),
        ("explain_customer", {"scenario": "follow_up", "customer": "C\0"}, "NUL"),
        ("explain_customer", {"scenario": "follow_up", "customer": "nobody"}, "no customer 'nobody'"),
        ("explain_customer", {"scenario": "follow_up", "customer": "C1", "on": "soon"}, "'soon' is no date"),
    ],
)
def test_a_slip_in_the_form_fails_the_run_with_what_is_wrong(look: Look, name, fields, refusal) -> None:
    with pytest.raises(Failure, match=refusal):
        look(name, **fields)
