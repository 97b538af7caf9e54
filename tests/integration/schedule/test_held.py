"""Held rows: how long, why, whether their customers would still be eligible now; what a backfill would mean; expiry."""

from dataclasses import asdict

import pytest

from ekiden.schedule.held import Because, EligibilityCount, held_counts, held_rows
from ekiden.schedule.rows import RowFilter
from tests.integration.ledger_fixtures import STEP, Shop, rows_meant
from tests.integration.ledger_invariants import snapshot

pytestmark = pytest.mark.usefixtures("sound_ledger")

UNTIL_MARCH_5 = "{[2024-01-01,2024-03-05)}"


def held(shop: Shop, **row_filter) -> dict[str, tuple[int, str | None, bool | None, Because]]:
    """Return (days held, reason, still eligible, because) of held rows by customer."""
    found = held_rows(shop.connection, rows_meant(**row_filter), now=shop.now, settings=shop.settings, limit=100)
    return {row.customer_id: (row.days_held, row.reason, row.still_eligible, row.because) for row in found}


def counts(shop: Shop, **row_filter) -> tuple[EligibilityCount, ...]:
    return held_counts(shop.connection, rows_meant(**row_filter), now=shop.now, settings=shop.settings)


def four_customers(shop: Shop, model: str = "follow_up") -> None:
    """C1 stays eligible; C2's entry conditions end, C3's stop begins and C4's order goes after the plan."""
    for customer in ("C1", "C2", "C3", "C4"):
        shop.customer(customer)
        shop.eligible(customer, "2024-03-01", model=model)
    shop.plan()
    for table in (model, f"{model}_live"):
        shop.execute(f"update eligibility.{table} set entry_during = '{UNTIL_MARCH_5}' where customer_id = 'C2'")  # noqa: S608
        shop.execute(f"delete from eligibility.{table} where customer_id = 'C4'")  # noqa: S608
    shop.stop("C3", since=shop.now, model=model)


def test_a_held_row_says_how_long_why_and_whether_its_customer_would_still_be_eligible(shop: Shop):
    shop.scenario()
    four_customers(shop)
    shop.at("2024-03-12 00:01")
    assert held(shop) == {
        "C1": (3, "past_due", True, Because.ENTRY_HOLDS),
        "C2": (3, "past_due", False, Because.ENTRY_NO_LONGER_HOLDS),
        "C3": (3, "past_due", False, Because.STOP_HOLDS),
        "C4": (3, "past_due", False, Because.ANCHOR_GONE),
    }
    assert set(held(shop, customer="C2", state="ready")) == {"C2"}
    assert held(shop, customer="C9") == {}
    (count,) = counts(shop)
    assert asdict(count) == {
        "scenario_code": "follow_up",
        "step_no": 1,
        "state": "held",
        "hold_reason": "past_due",
        "rows": 4,
        "people": 4,
        "still_eligible": 1,
        "entry_no_longer_holds": 1,
        "stop_holds": 1,
        "anchor_gone": 1,
        "not_known": 0,
        "longest_days": 3,
    }


def test_a_page_is_asked_over_the_facts_of_now_and_all_together_as_they_were_built(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.stop("C1", since=shop.now, live_only=True)
    assert held(shop)["C1"][3] is Because.STOP_HOLDS
    assert counts(shop)[0].still_eligible == 1


def test_rows_of_an_older_version_are_asked_by_its_own_conditions(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    # the edit makes another function and another table; that of the old version still answers
    shop.execute("create table eligibility.of_before as table eligibility.follow_up_live")
    shop.execute(
        "create function eligibility.old_answers(given text[]) returns setof eligibility.of_before language sql stable"
        " as $$ select * from eligibility.of_before where customer_id = any(given) $$"
    )
    shop.execute("alter table outreach.scenario_versions disable trigger refuse_rewriting")
    shop.execute("update outreach.scenario_versions set live_function = 'eligibility.old_answers'")
    shop.execute("alter table outreach.scenario_versions enable trigger refuse_rewriting")
    shop.execute("truncate eligibility.follow_up, eligibility.follow_up_live")
    shop.plan()
    assert held(shop)["C1"][3] is Because.ENTRY_HOLDS
    assert counts(shop)[0].still_eligible == 1


def test_a_table_that_stands_empty_for_faults_is_not_believed(shop: Shop):
    shop.scenario()
    shop.scenario("by_hand", live=False)
    shop.buyer("C1", "2024-03-01")
    shop.eligible("C1", "2024-03-02", model="by_hand")
    shop.plan()
    shop.execute("truncate eligibility.follow_up, eligibility.by_hand")
    shop.execute(
        "update eligibility.scenario_registry"
        """ set live_function = null, definition = jsonb_build_object('code', model_name, '$faults', '["broken"]')"""
    )
    assert {row.scenario_code: row.because for row in _rows(shop)} == {
        "follow_up": Because.ENTRY_HOLDS,
        "by_hand": Because.NOT_KNOWN,
    }
    assert {count.scenario_code: (count.still_eligible, count.not_known) for count in counts(shop)} == {
        "follow_up": (1, 0),
        "by_hand": (0, 1),
    }


def test_rows_of_a_model_that_left_the_project_with_its_table_are_still_counted(shop: Shop):
    shop.scenario(live=False)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.execute("delete from eligibility.scenario_registry")
    shop.execute("drop table eligibility.follow_up")
    assert (counts(shop)[0].rows, counts(shop)[0].not_known) == (1, 1)
    assert held(shop)["C1"][2] is None


def test_of_a_version_that_cannot_be_asked_any_more_nothing_is_known_and_the_others_are_told(shop: Shop):
    for code in ("silent", "sound"):
        shop.scenario(code)
        shop.customer(code)
        shop.eligible(code, "2024-03-01", model=code)
    shop.plan()
    # as a segment that loses a column does to whoever read it
    shop.execute("alter table eligibility.silent_live drop column stop_during")
    assert {customer: found[3] for customer, found in held(shop).items()} == {
        "silent": Because.NOT_KNOWN,
        "sound": Because.ENTRY_HOLDS,
    }


def test_a_clock_that_was_set_back_makes_no_hold_younger_than_today(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.at("2024-03-05 06:00")
    assert held(shop)["C1"][0] == 0
    assert counts(shop)[0].longest_days == 0


def test_asking_within_a_transaction_can_be_repeated(shop: Shop):
    shop.scenario()
    four_customers(shop)
    with shop.connection.transaction():
        assert counts(shop) == counts(shop)
        assert held(shop) == held(shop)


def test_a_backfill_says_what_it_would_mean_by_scenario(shop: Shop):
    # who entered at the anchor is planned later, whatever the entry conditions say by then
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 2}])
    shop.scenario("other")
    shop.customer("C1")
    shop.customer("C2")
    shop.at("2024-03-06 06:00")
    for customer in ("C1", "C2"):
        shop.eligible(customer, "2024-03-06")
    shop.plan()
    shop.at("2024-03-12 06:00")
    shop.execute("update eligibility.follow_up set entry_during = '{}' where customer_id = 'C2'")
    shop.eligible("C1", "2024-03-08", model="other")
    shop.eligible("C2", "2024-03-11", model="other")
    report = shop.plan("2024-03-07", "2024-03-12")
    meaning = {
        (count.scenario_code, count.state): (count.rows, count.still_eligible, count.entry_no_longer_holds)
        for count in report.meaning
    }
    assert meaning == {("follow_up", "held"): (2, 1, 1), ("other", "held"): (1, 1, 0), ("other", "ready"): (1, 1, 0)}


def test_the_plan_of_today_is_not_held_up_by_such_a_report(shop: Shop):
    shop.scenario()
    shop.buyer("C1")
    assert shop.plan().meaning is None


def test_a_dry_run_reports_the_same_and_changes_nothing(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    shop.buyer("C0", "2024-02-20")
    shop.plan()
    shop.at("2024-03-20 06:00")
    for number in range(1, 4):
        shop.buyer(f"C{number}", f"2024-03-0{number}")
    # a build whose new version the ledger does not know yet
    shop.scenario(hold_expires_after_days=3, steps=[STEP | {"send_time": "13:00"}])
    tables = "runs", "transitions", "enrolments", "schedule_rows", "scenario_versions"

    def ledger() -> list:
        return [shop.execute(f"select * from outreach.{table} order by 1") for table in tables]  # noqa: S608

    before = ledger()
    tried = shop.plan("2024-03-02", "2024-03-19", dry_run=True)
    assert ledger() == before
    assert tried.is_dry_run
    done = shop.plan("2024-03-02", "2024-03-19")
    assert (tried.created, tried.meaning, tried.enrolled, tried.cancelled, tried.expired) == (
        done.created,
        done.meaning,
        done.enrolled,
        done.cancelled,
        done.expired,
    )
    assert (done.held, done.expired) == (3, 1)


def test_a_dry_run_that_fails_leaves_no_run_either(shop: Shop):
    shop.scenario()
    with pytest.raises(Exception, match="no scenario 'nobody'"):
        shop.plan(scenarios=["nobody"], dry_run=True)
    assert shop.execute("select count(*) from outreach.runs") == [(0,)]


# --- expiry


def test_a_hold_older_than_so_many_days_expires_and_ends_the_enrolment(shop: Shop):
    shop.scenario(hold_expires_after_days=3, steps=[STEP, STEP | {"offset_days": 5}])
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.at("2024-03-12 23:59")
    assert (shop.plan().expired, shop.row().state) == (0, "held")
    shop.at("2024-03-13 00:00")
    report = shop.plan()
    assert (report.expired, report.cancelled, report.created) == (1, 0, ())
    assert (shop.row().state, shop.row().reason) == ("cancelled", "hold_expired")
    assert shop.enrolments() == {"C1": ("stopped", "step_not_sent")}
    found = shop.execute(
        "select subject, transition, actor_kind, reason from outreach.transitions order by transition_id desc limit 2"
    )
    assert set(found) == {
        ("schedule_row", "T15", "materialiser", "hold_expired"),
        ("enrolment", "E6", "materialiser", "step_not_sent"),
    }
    before = snapshot(shop.connection)
    assert shop.plan().expired == 0
    assert snapshot(shop.connection) == before


def test_by_default_a_hold_never_expires(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.at("2034-03-01 06:00")
    assert (shop.plan().expired, shop.row().state) == (0, "held")


def test_with_0_days_the_holds_of_yesterday_expire_and_those_of_today_do_not(shop: Shop):
    shop.scenario(hold_expires_after_days=0)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert shop.plan().expired == 0
    shop.at("2024-03-10 00:00")
    assert shop.plan().expired == 1


def test_a_hold_by_a_sender_expires_and_one_by_a_person_does_not(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    for customer in ("missed", "operator", "reopened"):
        shop.buyer(customer, "2024-03-08")
    shop.plan()
    shop.operate("hold", customer="operator")
    shop.operate("block", customer="reopened")
    # a person may word a reason like one of ours
    shop.operate("reopen", customer="reopened", reason="past_due")
    shop.at("2024-03-09 23:00")
    shop.send()
    assert {row.customer_id: row.reason for row in shop.rows(state="held")} == {
        "missed": "missed_send",
        "operator": "operator",
        "reopened": "past_due",
    }
    shop.at("2024-04-09 06:00")
    assert shop.plan().expired == 1
    assert shop.states() == {("missed", 1): "cancelled", ("operator", 1): "held", ("reopened", 1): "held"}


def test_a_hold_by_a_person_does_not_expire_although_the_plan_had_held_the_row_before(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    assert shop.row().reason == "past_due"
    shop.operate("release", customer="C1")
    shop.operate("hold", customer="C1")
    shop.at("2024-04-09 06:00")
    assert (shop.plan().expired, shop.row().state) == (0, "held")


def test_holds_of_a_scenario_that_left_the_project_do_not_expire(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.execute("delete from eligibility.scenario_registry")
    shop.scenario("other")
    shop.at("2024-04-09 06:00")
    assert (shop.plan().expired, shop.row().state) == (0, "held")
    assert shop.execute("select status from outreach.scenarios where scenario_code = 'follow_up'") == [("archived",)]


def test_a_released_row_does_not_expire(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.operate("release", customer="C1")
    shop.at("2024-03-20 06:00")
    assert (shop.plan().expired, shop.row().state) == (0, "ready")


def test_expiry_is_an_operating_setting_of_every_version(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2024-03-01")
    shop.plan()
    shop.at("2024-03-20 06:00")
    shop.scenario(hold_expires_after_days=3)
    assert shop.plan().expired == 1
    assert shop.execute("select count(*) from outreach.scenario_versions") == [(1,)]


def test_a_plan_of_some_scenarios_expires_only_their_holds(shop: Shop):
    for code in ("follow_up", "other"):
        shop.scenario(code, hold_expires_after_days=3)
    shop.buyer("C1", "2024-03-01")
    shop.eligible("C1", "2024-03-01", model="other")
    shop.plan()
    shop.at("2024-03-20 06:00")
    assert shop.plan(scenarios=["other"]).expired == 1
    assert shop.row(scenario="follow_up").state == "held"


def test_what_a_backfill_holds_today_does_not_expire_by_the_age_of_its_day(shop: Shop):
    shop.scenario(hold_expires_after_days=3)
    shop.buyer("C1", "2024-03-01")
    report = shop.plan("2024-03-02", "2024-03-08")
    assert (report.held, report.expired, shop.plan().expired) == (1, 0, 0)


def _rows(shop: Shop):
    return held_rows(shop.connection, RowFilter(), now=shop.now, settings=shop.settings, limit=10)
