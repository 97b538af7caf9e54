"""Decisions as tests make them and read them."""

from collections.abc import Sequence

from ekiden.insights.decisions import Decision, DecisionFilter, decisions
from ekiden.schedule.planning.decisions import DecisionCount
from tests.integration.ledger_fixtures import STEP, Shop

TODAY = "2024-03-09"
ALL = 100_000


def of(shop: Shop, customer: str, **wanted) -> list[Decision]:
    """Return one customer's decisions in the order in which they were made."""
    found = decisions(shop.connection, DecisionFilter(customer=customer, **wanted), limit=ALL)
    # of one moment: entering before the row
    return sorted(found, key=lambda decision: decision.decided_at)


def turned_away(shop: Shop) -> list[tuple[str, str, str]]:
    """Return (day, customer, rule) of what planning keeps beside the ledger's transitions, as it came."""
    return [
        (str(day), customer, rule)
        for day, customer, rule in shop.execute(
            "select day, customer_id, rule from outreach.decision_batches"
            " left join lateral unnest(customers) as told_apart (customer_id) on true"
            " order by decision_batch_id, customer_id"
        )
    ]


def counts(decided: Sequence[DecisionCount]) -> dict[str, int]:
    return {count.rule: count.customers for count in decided}


def kept_out(shop: Shop, rule: str) -> None:
    """Let C1 come up today and one rule be against it; whatever comes after it in the order is against it as well."""
    duplicate = {"duplicate_status": "unconfirmed"}
    match rule:
        case "step_stopped":
            shop.scenario(steps=[STEP | {"state": "force_stopped"}])
            shop.buyer("C1", **duplicate)
        case "outside_period":
            shop.scenario(period={"from": "2024-03-10"})
            shop.buyer("C1", **duplicate)
        case "past_date_skipped":
            shop.scenario(past_date_policy="skip")
            shop.buyer("C1", anchored="2024-03-07", **duplicate)
        case "duplicate_unconfirmed":
            shop.scenario()
            shop.customer("C1", duplicate_status="on_hold")
            shop.eligible("C1", "2024-03-08", entry="{}")
        case "conditions_not_met":
            shop.scenario()
            shop.customer("C1")
            shop.eligible("C1", "2024-03-08", entry="{}", stop="{(,)}")
        case "stop_condition_held":
            shop.scenario()
            shop.customer("C1")
            shop.eligible("C1", "2024-03-08", stop="{(,)}")
