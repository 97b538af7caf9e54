"""Why a customer is in a scenario, or is not: the same answer as the table's, with what is behind it."""

from datetime import datetime, timedelta

import pytest
from psycopg import sql

from ekiden.insights.customers import UnknownCustomer
from ekiden.insights.explanation.evidence import Span
from ekiden.insights.explanation.explain import EntryVerdict
from tests.integration.insights.conftest import AWKWARD_CUSTOMER, NOW, ZONE, BuiltShop
from tests.integration.insights.scenarios import AWKWARD, SCENARIOS


def noon(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=ZONE)


def test_the_explanation_is_the_tables_and_the_live_functions_answer_for_everybody(built_shop: BuiltShop):
    connection = built_shop.connection
    customers = [customer for (customer,) in connection.execute("select customer_id from raw.customers")]
    compared = 0
    for relation, live, explain in connection.execute(
        "select relation_name, live_function, explain_function from eligibility.scenario_registry"
        " where explain_function is not null"
    ).fetchall():
        answers = [
            connection.execute(
                sql.SQL(
                    "select customer_id, anchor_kind, anchor_key, anchor_at, anchor_date, entry_during, stop_during"
                    " from {} as eligibility where anchor_key is not null order by customer_id, anchor_key"
                ).format(source)
            ).fetchall()
            for source in (
                sql.SQL(relation),
                sql.SQL("{}({})").format(sql.SQL(live), customers),
                sql.SQL("{}({})").format(sql.SQL(explain), customers),
            )
        ]
        assert answers[0] == answers[1] == answers[2], relation
        compared += len(answers[0])
    assert compared > 200


@pytest.mark.parametrize("scenario", [code for code in SCENARIOS if code != "broken"])
def test_the_verdict_agrees_with_the_spans_at_every_boundary(built_shop: BuiltShop, scenario: str):
    found = built_shop.why(scenario, "b_after")
    bounds = {bound for anchor in found.anchors for span in anchor.may_enter for bound in (span.begins, span.ends)}
    for bound in bounds - {None}:
        for at in (bound - timedelta(microseconds=1), bound):
            asked = built_shop.why(scenario, "b_after", at.isoformat())
            for anchor in asked.anchors:
                holds = any(span.holds(at) for span in anchor.may_enter)
                assert all(check.passes for check in anchor.conditions) == holds, (at, anchor)


def test_frames_of_one_order_are_told_as_one(built_shop: BuiltShop):
    two_orders = built_shop.why("in_one_order", "b_after")
    assert two_orders.anchors == ()
    assert "it does not hold what the target asks for in one order" in str(two_orders)
    (anchor,) = built_shop.why("in_one_order", "b_as_well").anchors
    target = next(check for check in anchor.conditions if check.name == "target")
    assert [(check.wording, [fact.key for fact in check.facts]) for check in target.children] == [
        ("an order of A, together with B", ["b_as_well-1"]),
        ("AND an order of A, together with B", ["b_as_well-1"]),
    ]


def test_the_frames_carry_their_spans_and_the_orders_behind_them(built_shop: BuiltShop):
    found = built_shop.why("a_not_b", "b_after")
    (anchor,) = found.anchors
    target = next(check for check in anchor.conditions if check.name == "target")
    assert target.held == (Span(noon(2), noon(6)),)
    bought, not_b = target.children
    assert (bought.wording, bought.holds, [fact.key for fact in bought.facts]) == ("an order of A", True, ["b_after-1"])
    assert (not_b.wording, not_b.held) == ("NOT an order of B", (Span(noon(6), None),))
    assert found.first_failing == ("ordered: order b_after-1: the target does not hold, because of an order of B")
    assert found.next == "order b_after-5 would have to be cancelled"
    assert [(order.key, order.reasons) for order in found.no_anchors] == [
        ("b_after-5", ("it holds nothing that the target asks for",))
    ]


@pytest.mark.parametrize(
    ("scenario", "customer", "first_failing", "next_"),
    [
        ("twice", "once", "the target did not hold yet as the order came in", "needs 1 more order of A"),
        ("twice", "never_bought", "no anchor: there are no orders for one", "needs 2 more orders of A"),
        ("excluded", "b_before", "something excludes, because of an order of B", "order b_before-1 would have to be"),
        ("excluded", "subscriber", "because a subscription is running", "the running subscription would have to be"),
        ("stopped_by_b", "b_after", "a stop condition holds, because of an order of B after the anchor", "b_after-5"),
        ("third_deliveries", "once", "no anchor: of 1 order none is one", ""),
        ("paid", "once", "no anchor: of 1 order none is one", "order once-1 would have to be paid"),
        ("paid_since", "once", "no anchor: of 1 order none is one", "order once-1 would have to be paid"),
        ("welcome", "b_after", "because of an order of B", "order b_after-5 would have to be cancelled"),
        ("viewed", "thrice", "no anchor: there are no facts for one", "needs an event viewed"),
        ("lapsed", "once", "the anchor stands only from 2026-05-31 00:00", "hold from 2026-05-31 00:00"),
        ("bought_a", "only_order_cancelled", "does not stand any more", "needs a new order"),
        ("bought_a", "unconfirmed", "the record is unconfirmed", "confirmed in duplicate management"),
        ("a_draft", "once", "the scenario is draft", "the scenario would have to be enabled"),
        ("disabled", "once", "the scenario is disabled", "the scenario would have to be enabled"),
        ("recent", "once", "for want of an order of A within 5 days", "needs a new order of A"),
        ("by_hand", "thrice", "its table has no row", "nothing is known"),
    ],
)
def test_the_first_thing_that_fails_and_what_would_help(
    built_shop: BuiltShop, scenario: str, customer: str, first_failing: str, next_: str
):
    found = built_shop.why(scenario, customer)
    assert found.verdict is EntryVerdict.KEPT_OUT
    assert first_failing in found.first_failing
    assert next_ in found.next


def test_orders_that_are_no_anchor_say_which_filters_they_miss(built_shop: BuiltShop):
    found = {order.key: order.reasons for order in built_shop.why("third_deliveries", "third_delivery").no_anchors}
    assert set(found) == {"third_delivery-1", "third_delivery-3"}
    assert found["third_delivery-1"] == ("it is not delivery 3 of a subscription",)
    assert "its kind is not subscription" in found["third_delivery-3"]


def test_an_order_without_a_date_of_its_own_is_not_called_from_before_the_start(built_shop: BuiltShop):
    found = {order.key: order.reasons for order in built_shop.why("paid_since", "once").no_anchors}
    assert found == {"once-1": ("it has no date of payment",)}


def test_quotes_brackets_and_japanese_are_only_text(built_shop: BuiltShop):
    found = built_shop.why("bought_a", AWKWARD_CUSTOMER)
    assert [anchor.key for anchor in found.anchors] == ["注文'1 [red]"]
    (bought,) = next(
        c for c in built_shop.why("awkward", "awkward").anchors[0].conditions if c.name == "target"
    ).children
    assert bought.wording == f"an order of {AWKWARD}"
    with pytest.raises(UnknownCustomer, match="O'Hara"):
        built_shop.why("bought_a", "O'Hara")


def test_sql_by_hand_is_answered_from_the_table_and_says_so(built_shop: BuiltShop):
    found = built_shop.why("by_hand", "once")
    assert found.verdict is EntryVerdict.MAY_ENTER
    assert any("written by hand" in note for note in found.notes)
    assert [check.name for check in found.anchors[0].conditions] == ["entry", "stop"]


def test_facts_since_the_build_are_told_from_the_table(built_shop: BuiltShop):
    connection = built_shop.connection
    assert not any("came in since" in note for note in built_shop.why("bought_a", "never_bought").notes)
    with connection.transaction(force_rollback=True):
        connection.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at, status, kind)"
            " values ('late', 'never_bought', %s, 'new', 'one_off')",
            [noon(5)],
        )
        connection.execute(
            "insert into raw.order_lines (order_id, line_no, product_id, quantity) values ('late', 1, 'A', 1)"
        )
        # a nested transaction cannot choose its isolation, so the reading is done by hand
        live = connection.execute(
            "select live_function from eligibility.scenario_registry where model_name = 'bought_a'"
        )
        (function,) = live.fetchone()
        found = connection.execute(sql.SQL("select anchor_key from {}({})").format(sql.SQL(function), ["never_bought"]))
        assert found.fetchall() == [("late",)]


def test_nothing_is_read_but_through_indexes(built_shop: BuiltShop):
    """The plan for one customer scans no table of facts from end to end, however small this shop is."""
    connection = built_shop.connection
    functions = connection.execute(
        "select model_name, explain_function from eligibility.scenario_registry where explain_function is not null"
    ).fetchall()
    big = {"orders", "order_lines", "customers", "customer_events", "customer_tags", "list_members", "subscriptions"}
    with connection.transaction(force_rollback=True):
        # a table of twenty rows is read faster as a whole: what matters is that an index could serve
        connection.execute("set local enable_seqscan = off")
        for model, function in functions:
            query = sql.SQL("explain select * from {}({})").format(sql.SQL(function), ["once"])
            plan = "\n".join(line for (line,) in connection.execute(query))
            scanned = {table for table in big if f"Seq Scan on {table} " in plan or f"Seq Scan on {table}\n" in plan}
            assert not scanned, (model, plan)


def test_now_is_the_default(built_shop: BuiltShop):
    assert built_shop.why("bought_a", "once").at == NOW
