"""Definitions of the proofs' scenarios, drawn: whatever the ledger treats differently, within what is allowed."""

from typing import Any

from hypothesis import strategies as st

from ekiden.scenarios.definition import check
from tests.integration.ledger_fixtures import CONTENT
from tests.ledger.ground import EXCLUSIVE

CHANNELS = {"cards": ("dm", "outbound_call", "html_email")}


def steps(model: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    step = st.fixed_dictionaries(
        {
            "offset_days": st.integers(0, 3),
            "send_time": st.sampled_from(["09:00", "12:00", "20:00"]),
            "content": st.just(CONTENT),
            "channel": st.sampled_from(CHANNELS.get(model, ("html_email", "text_email"))),
        },
        optional={
            "state": st.sampled_from([*["enabled"] * 5, "force_stopped"]),
            "auto_send_time": st.just("latest_purchase"),
        },
    )
    return st.lists(step, min_size=1, max_size=3)


def definitions(model: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return definitions but for code and name; what competes stays, as an edit may not make enrolments exclusive."""
    drawn = {
        "steps": steps(model),
        "status": st.sampled_from(["enabled", "enabled", "enabled", "enabled", "disabled", "draft"]),
        "past_date_policy": st.sampled_from(["hold", "hold", "skip", "send_now"]),
        "reentry": st.sampled_from(["never", "after_exit", "per_anchor"]),
    }
    if model in EXCLUSIVE:
        drawn["multi_delivery"] = st.just(False)
    optional = {
        "on_skip": st.just("continue"),
        "offset_basis": st.just("previous_step"),
        "zero_day": st.just("same_day"),
        "enrol_at": st.just("anchor"),
        "backfill_as_of": st.just("due_date"),
        "disable_mode": st.sampled_from(["freeze", "drain"]),
        "priority": st.integers(1, 3),
        "past_time_today": st.just("hold"),
        "on_retrigger": st.just("restart"),
        "reevaluate_on_update": st.just(True),
        "hold_expires_after_days": st.integers(0, 2),
        "max_lateness": st.sampled_from(["1m", "1h30m", "1d"]),
        "look_back_days": st.integers(0, 5),
        "period": st.just({"from": "2024-03-07", "to": "2024-03-20"}),
    }
    return st.fixed_dictionaries(drawn, optional=optional).filter(lambda settings: is_allowed(model, settings))


def is_allowed(model: str, settings: dict[str, Any]) -> bool:
    """Return whether a definition with these settings has no faults."""
    return not check({"code": model, "name": model, "anchor": "ordered"} | settings).faults
