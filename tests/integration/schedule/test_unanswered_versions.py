"""Versions that cannot be asked any more: what a plan tells of them, and that everybody else is planned."""

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.schedule.planning.missed import find_missed_days
from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(
    "lost",
    [
        "drop function eligibility.follow_up_answers",
        "alter table eligibility.follow_up_live drop column stop_during",
        "drop table eligibility.follow_up_live cascade",
        # it reads a report that a build made again and could not fill
        """
        alter table eligibility.follow_up_live rename to filled;
        create materialized view eligibility.follow_up_live as select * from eligibility.filled with no data
        """,
        # as in a database that was restored under another name
        """
        set check_function_bodies = off;
        create or replace function eligibility.follow_up_answers(given_customers text[])
        returns setof eligibility.follow_up_live language sql stable as
        $$ select * from another.eligibility.follow_up_live where customer_id = any(given_customers) $$;
        reset check_function_bodies
        """,
    ],
)
def test_a_version_that_cannot_be_asked_any_more_is_told_and_the_others_are_planned(shop: Shop, lost: str):
    shop.scenario()
    shop.buyer("C1")
    shop.plan()
    shop.scenario("other")
    shop.customer("C2")
    shop.eligible("C2", "2024-03-08", model="other")
    # an edit makes another function; that of the version before, or what it reads, is dropped
    shop.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now' where model_name = 'follow_up'"
    )
    shop.execute(lost)
    report = shop.plan()
    (told,) = report.broken
    assert "version 1 (git abc123) of follow_up cannot be asked whether its stop condition holds: " in str(told)
    assert f"`ekiden complete --row {shop.row(customer='C1').schedule_row_id}`" in str(told)
    assert shop.states() == {("C1", 1): "ready", ("C2", 1): "ready"}
    # everybody who is to come in was looked at: the day is not missed
    shop.at("2024-03-10 06:00")
    assert find_missed_days(shop.connection, now=shop.now, settings=shop.settings) == ()
    # where nothing waits of it any more, nobody is asked about it
    shop.operate("complete", rows=(str(shop.row(customer="C1").schedule_row_id),))
    assert shop.plan().broken == ()


def forget_the_version(shop: Shop) -> None:
    """Let an edit make another function, and drop that of the version before."""
    shop.execute(
        "update eligibility.scenario_registry set live_function = 'eligibility.of_now';"
        "drop function eligibility.follow_up_answers"
    )


def test_of_a_version_that_cannot_be_asked_each_row_is_named_with_what_ends_it(shop: Shop):
    shop.scenario()
    for customer in ("failed", "unknown", "held"):
        shop.buyer(customer)
    shop.plan()
    shop.operate("hold", customer="held")
    shop.at("2024-03-09 12:00")
    shop.channel.answers = {"failed@shop.example": Outcome.refused, "unknown@shop.example": Outcome.unknown}
    shop.send()
    forget_the_version(shop)
    row = {row.customer_id: row.schedule_row_id for row in shop.rows()}
    (told,) = shop.plan().unanswered
    assert str(told).endswith(
        f", or end its rows: `ekiden complete --row {row['held']}`;"
        f" what failed, `ekiden delete --row {row['failed']}` (or `block`);"
        " what is on its way, `ekiden unknown list`"
    )
    assert shop.operate("complete", rows=(str(row["held"]),)).changed == 1
    assert shop.operate("delete", rows=(str(row["failed"]),)).changed == 1
    (told,) = shop.plan().unanswered
    assert str(told).endswith(", or end its rows: what is on its way, `ekiden unknown list`")


def test_a_version_that_cannot_be_asked_is_not_told_of_where_nothing_of_it_can_be_sent(shop: Shop):
    shop.scenario(steps=[STEP, STEP | {"offset_days": 9}])
    shop.buyer("C1")
    shop.plan()
    shop.at("2024-03-09 12:00")
    shop.send()
    shop.operate("delete", step_no=2)
    assert shop.enrolments() == {"C1": ("active", None)}
    forget_the_version(shop)
    assert shop.plan().broken == ()


def test_a_version_that_cannot_be_asked_is_told_of_where_somebody_waits_for_a_first_row(shop: Shop):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 9}])
    for customer in ("C1", "C2"):
        shop.buyer(customer)
    shop.plan()
    forget_the_version(shop)
    shop.stop("C1", since=shop.now)
    (told,) = shop.plan().broken
    assert "Without a row, 2 customers of it may wait in the scenario for nothing, until step 1 is due." in str(told)
    assert "open row" not in str(told)
    # the row is the current version's, which is asked before it is sent
    shop.at("2024-03-17 06:00")
    shop.plan()
    assert shop.plan().broken == ()
    assert shop.states() == {("C1", 1): "cancelled", ("C2", 1): "ready"}
