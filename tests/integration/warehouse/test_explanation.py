"""What explains an answer gives the same answer as the table and the live function, for every construct built here."""

from datetime import datetime

import pytest
from psycopg import sql

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.facts import day

ANSWER = sql.SQL(
    "select customer_id, anchor_kind, anchor_key, anchor_at, anchor_date, entry_during, stop_during"
    " from {} as eligibility where anchor_key is not null order by customer_id, anchor_key"
)


def test_table_live_function_and_explanation_agree_about_everybody(warehouse: Warehouse):
    connection = warehouse.connection
    customers = [customer for (customer,) in connection.execute("select customer_id from raw.customers")]
    registered = connection.execute(
        "select relation_name, live_function, explain_function from eligibility.scenario_registry"
        " where explain_function is not null"
    ).fetchall()
    assert len(registered) > 20
    for relation, *functions in registered:
        sources = [sql.SQL(relation), *(sql.SQL("{}({})").format(sql.SQL(name), customers) for name in functions)]
        table, live, explained = (connection.execute(ANSWER.format(source)).fetchall() for source in sources)
        assert table == live == explained, relation


def explained(warehouse: Warehouse, model: str, customer: str) -> dict:
    """Return what a scenario's explanation says of a customer, whatever the anchor."""
    (function,) = warehouse.connection.execute(
        "select explain_function from eligibility.scenario_registry where model_name = %s", [model]
    ).fetchone()
    query = sql.SQL("select explanation from {}(array[{}]) where anchor_key is null")
    (about,) = warehouse.connection.execute(query.format(sql.SQL(function), customer)).fetchone()
    return about


def member_facts(warehouse: Warehouse, model: str, customer: str) -> dict[str, tuple[datetime | None, ...] | None]:
    """Return the facts of a scenario's only frame, and when each is what that asks for, if ever."""
    (frame,) = explained(warehouse, model, customer)["facts"]
    instants = {
        fact["key"]: [fact[end] and datetime.fromisoformat(fact[end]) for end in ("from", "to")]
        for fact in frame["occurrences"]
    }
    counting = {fact["key"] for fact in frame["occurrences"] if fact["counts"]}
    return {key: tuple(ends) if key in counting else None for key, ends in instants.items()}


ALWAYS = (None, None)


@pytest.mark.parametrize(
    ("model", "customer", "facts"),
    [
        ("member_gender", "member", {"gender female": ALWAYS}),
        ("member_gender", "born_on_29_february", {"gender male": None}),
        ("member_gender", "once", {"gender unknown": None}),
        ("member_address", "member", {"address 東京都千代田区 100% 1-1": ALWAYS, "postal_code 1000001": ALWAYS}),
        ("member_birth_month", "member", {"birth_month 1996-03-05": None}),
        ("member_logged_in", "member", {"last_login_on 2026-03-03": ALWAYS}),
        ("member_custom", "member", {"custom size L": ALWAYS, "custom vip true": ALWAYS, "custom points 12.5": ALWAYS}),
        ("member_other_custom", "member", {"custom size L": None}),
        ("member_custom_digits", "member", {f"custom digits 0.{98 * '1'}": None}),
        ("member_newsletter_both", "member", {"newsletter both": (None, day(5)), "newsletter pc": None}),
        (
            "member_gold_reader",
            "born_on_29_february",
            {"gender male": None, "rank unknown": None, "newsletter both": ALWAYS},
        ),
        ("member_tag", "once", {"tag 会員": (day(2), None)}),
        ("member_tag", "thrice", {"tag other": None}),
        ("member_over_thirty", "never_bought", {"age by unknown": None}),
    ],
)
def test_an_explanation_tells_what_is_known_of_a_member_whether_it_is_asked_for_or_not(
    warehouse: Warehouse, model: str, customer: str, facts: dict
):
    assert member_facts(warehouse, model, customer) == facts


def test_an_explanation_tells_by_what_the_calendar_makes_a_member_one(warehouse: Warehouse):
    (key,) = member_facts(warehouse, "member_thirty", "member")
    assert key == "age by 1996-03-05"


def test_an_explanation_shows_every_frame_with_its_facts(warehouse: Warehouse):
    about = explained(warehouse, "a_not_b", "b_after")
    assert {(item["section"], item["frame"]) for item in about["facts"]} == {("target", 1), ("target", 2)}
    assert [item["key"] for fact in about["facts"] for item in fact["occurrences"]] == ["b_after-1", "b_after-5"]
    assert about["duplicate_status"] == "confirmed"
