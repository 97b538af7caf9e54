"""Whether an earlier enrolment keeps an anchor out: the plan, the audience and `ekiden why` say the same (C-06).

Belongs here: one table of histories, asked of all three, which have the rule in three forms: whom a plan lets in
(`find_candidates.sql` of ekiden/schedule/planning), everybody at once (`audience.sql`), and one customer in words
(`ekiden.insights.explanation.planning`). Does not belong here: what each of them says besides.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from ekiden.insights.audience import members
from ekiden.insights.built import asked_scenario
from ekiden.insights.moments import moment
from ekiden.insights.why import why
from tests.integration.ledger_fixtures import Shop, by_force

ANCHOR = "2024-03-08"
"""The anchor that is asked about is of 10:00 of this day, the plan of the next morning."""


@dataclass(frozen=True)
class Earlier:
    """An enrolment of before, in the shop's time."""

    anchor_at: str = "2024-03-01 10:00"
    state: str = "completed"
    exit_reason: str | None = None
    exited_at: str | None = "2024-03-05 12:00"
    left_at: str | None = None
    by_this_anchor: bool = False


HISTORIES = {
    "none": None,
    "runs": Earlier(state="active", exited_at=None),
    "went through before": Earlier(),
    "went through after": Earlier(exited_at="2024-03-08 18:00"),
    "stopped before": Earlier(state="stopped", exit_reason="manual_complete"),
    "stopped after": Earlier(state="stopped", exit_reason="manual_complete", exited_at="2024-03-08 18:00"),
    "stop noticed after": Earlier(
        state="stopped", exit_reason="stop_condition", exited_at="2024-03-08 18:00", left_at="2024-03-08 08:00"
    ),
    "superseded after": Earlier(state="stopped", exit_reason="superseded", exited_at="2024-03-08 18:00"),
    "blocked": Earlier(state="stopped", exit_reason="blocked"),
    "later anchor": Earlier(anchor_at="2024-03-08 15:00", exited_at="2024-03-08 18:00"),
    "this anchor": Earlier(anchor_at="2024-03-08 10:00", exited_at="2024-03-08 18:00", by_this_anchor=True),
    "this anchor, removed": Earlier(
        anchor_at="2024-03-08 10:00", state="removed", exited_at="2024-03-08 18:00", by_this_anchor=True
    ),
}
"""By the customer's id."""

ALWAYS_OUT = {"blocked", "this anchor"}


@pytest.mark.parametrize(
    ("settings", "kept_out"),
    [
        ({"reentry": "never"}, HISTORIES.keys() - {"none", "this anchor, removed"}),
        (
            {"reentry": "after_exit"},
            ALWAYS_OUT | {"runs", "went through after", "stopped after", "superseded after", "later anchor"},
        ),
        ({"reentry": "per_anchor"}, ALWAYS_OUT),
        ({"reentry": "after_exit", "on_retrigger": "restart"}, ALWAYS_OUT | {"stopped after", "later anchor"}),
        ({"reentry": "per_anchor", "on_retrigger": "restart"}, ALWAYS_OUT | {"stopped after", "later anchor"}),
    ],
    ids=lambda given: " ".join(given.values()) if isinstance(given, dict) else "",
)
def test_the_plan_the_audience_and_why_keep_out_the_same(shop: Shop, settings: dict[str, Any], kept_out: set[str]):
    shop.scenario(**settings)
    shop.plan()
    for customer, earlier in HISTORIES.items():
        shop.buyer(customer, ANCHOR, email=None)
        if earlier is not None:
            enrolled_before(shop, customer, earlier, may_enter_once=settings["reentry"] == "never")

    by_audience = {customer for customer, standing in standings(shop).items() if standing != "may_enter"}
    by_why = {customer for customer in HISTORIES if not lets_in(shop, customer)}
    shop.plan()
    by_plan = HISTORIES.keys() - {
        customer
        for (customer,) in shop.execute(
            "select customer_id from outreach.enrolments where entered_at = %s and anchor_date = %s", shop.now, ANCHOR
        )
    }
    assert (by_plan, by_audience, by_why) == (kept_out, kept_out, kept_out)


def enrolled_before(shop: Shop, customer: str, earlier: Earlier, *, may_enter_once: bool) -> None:
    key = f"O-{customer}-{ANCHOR}" if earlier.by_this_anchor else "earlier"
    by_force(
        shop,
        "insert into outreach.enrolments (scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind,"
        " anchor_key, anchor_at, anchor_date, state, exit_reason, entered_at, exited_at, left_at, plan_run_id,"
        " partition_date)"
        " select scenario_id, current_version_id, %s, %s, 'ordered', %s, %s, %s, %s, %s, %s, %s, %s,"
        " (select run_id from outreach.runs limit 1), '2024-03-02' from outreach.scenarios",
        customer,
        "" if may_enter_once else f"ordered:{key}",
        key,
        at := shop.local(earlier.anchor_at),
        at.date(),
        earlier.state,
        earlier.exit_reason,
        shop.local("2024-03-02 06:00") if at < shop.local("2024-03-02") else at,
        shop.local(earlier.exited_at) if earlier.exited_at else None,
        shop.local(earlier.left_at) if earlier.left_at else None,
    )


def standings(shop: Shop) -> dict[str, str]:
    now = moment(None, now=shop.now, zone=shop.settings.zone)
    with members(shop.connection, asked_scenario(shop.connection, "follow_up"), now) as found:
        return {member.customer_id: member.standing for member in found}


def lets_in(shop: Shop, customer: str) -> bool:
    now = moment(None, now=shop.now, zone=shop.settings.zone)
    found = why(shop.connection, "follow_up", customer, now, settings=shop.settings)
    (anchor,) = [each for each in found.anchors if each.key == f"O-{customer}-{ANCHOR}"]
    (check,) = [each for each in anchor.planning if each.name == "not_entered"]
    return bool(check.passes)
