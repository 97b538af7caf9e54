"""`ekiden scenario enrolments`: who is in a scenario, by which anchor, and what comes next."""

import csv
import io
import json

from tests.integration.ledger_fixtures import STEP, Shop


def listed(ekiden, *options: str, code: str = "follow_up") -> list[dict]:
    """Return the enrolments as JSON has them."""
    return json.loads(ekiden("scenario", "enrolments", code, *options, "--format", "json").out)


def test_who_is_in_a_scenario_is_listed_with_the_row_that_is_open(planned: Shop, ekiden):
    by_customer = {each["customer_id"]: each for each in listed(ekiden)}
    assert set(by_customer) == {"C1", "C2"}
    first = by_customer["C1"]
    assert (first["anchor_kind"], first["anchor_key"], first["anchor_date"]) == (
        "ordered",
        "O-C1-2024-03-08",
        "2024-03-08",
    )
    assert (first["state"], first["state_ja"], first["exit_reason"], first["scenario_version"]) == (
        "active",
        planned.execute("select label_ja from outreach.enrolment_states where state = 'active'")[0][0],
        None,
        1,
    )
    assert first["entered_at"] == planned.now.astimezone(planned.settings.zone).isoformat()
    assert [first[name] for name in ("next_step_no", "next_due_date", "next_row_state")] == [1, "2024-03-09", "ready"]
    assert by_customer["C2"]["next_row_state"] == "held"


def test_who_waits_for_the_first_row_is_in_the_scenario_too_with_the_day_on_which_it_is_due(shop: Shop, ekiden):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    (waiting,) = listed(ekiden)
    assert [waiting[name] for name in ("next_step_no", "next_due_date", "next_row_state")] == [1, "2024-04-08", None]
    # the row will be made by the version of that day
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 31}])
    shop.plan()
    assert listed(ekiden)[0]["next_due_date"] == "2024-04-09"


def test_who_left_is_listed_only_where_it_is_asked_for_and_has_nothing_to_come(planned: Shop, ekiden):
    planned.operate("block", customer="C1", reason="asked us to")
    assert [each["customer_id"] for each in listed(ekiden)] == ["C2"]
    (left,) = listed(ekiden, "--state", "stopped")
    assert (left["customer_id"], left["exit_reason"], left["exited_at"]) == (
        "C1",
        "blocked",
        planned.now.astimezone(planned.settings.zone).isoformat(),
    )
    assert [left[name] for name in ("next_step_no", "next_due_date", "next_row_state")] == [None, None, None]
    both = listed(ekiden, "--state", "stopped", "--state", "active")
    assert {each["customer_id"] for each in both} == {"C1", "C2"}


def test_the_latest_come_first_and_a_cut_list_says_so(planned: Shop, ekiden):
    planned.at("2024-03-10 06:00")
    planned.buyer("C3", "2024-03-09")
    planned.plan()
    shown = ekiden("scenario", "enrolments", "follow_up", "--limit", "1")
    assert "C3" in shown.out
    assert "C1" not in shown.out
    assert "the latest 1 enrolment;" in shown.err
    assert "the latest" not in ekiden("scenario", "enrolments", "follow_up").err
    assert "--limit shows more" in shown.err
    rows = list(csv.DictReader(io.StringIO(ekiden("scenario", "enrolments", "follow_up", "--format", "csv").out)))
    assert (rows[0]["customer_id"], len(rows)) == ("C3", 3)


def test_a_scenario_that_nobody_knows_is_refused_and_one_that_nobody_is_in_is_not(planned: Shop, ekiden):
    planned.scenario("quiet")
    assert listed(ekiden, code="quiet") == []
    refused = ekiden("scenario", "enrolments", "quite")
    assert refused.code != 0
    assert "perhaps quiet" in refused.err
