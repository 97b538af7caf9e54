"""At which instant a planned row may go: the step's time of day, or that of a purchase."""

from datetime import date, timedelta

import pytest

from tests.integration.ledger_fixtures import STEP, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


@pytest.mark.parametrize(("policy", "state", "reason"), [("send_now", "ready", None), ("hold", "held", "past_time")])
def test_a_send_time_already_past_today_is_sent_now_or_held(shop: Shop, policy: str, state: str, reason: str | None):
    shop.scenario(past_time_today=policy)
    shop.buyer("C1")
    shop.at("2024-03-09 15:00")
    shop.plan()
    row = shop.row()
    assert (row.state, row.reason) == (state, reason)
    assert row.send_at == (shop.now if state == "ready" else None)


@pytest.mark.parametrize("channel", ["dm", "outbound_call"])
def test_a_list_has_no_time_of_day_that_could_have_passed(shop: Shop, channel: str):
    shop.scenario(past_time_today="hold", steps=[STEP | {"channel": channel}])
    shop.buyer("C1")
    shop.at("2024-03-09 15:00")
    shop.plan()
    assert shop.row().state == "ready"


@pytest.mark.parametrize(
    ("today", "send_time", "in_utc"),
    [
        ("2024-03-09", "12:00", "2024-03-09 17:00Z"),  # the day before the clocks go forward
        ("2024-03-10", "12:00", "2024-03-10 16:00Z"),
        ("2024-03-10", "02:30", "2024-03-10 07:30Z"),  # a time that this night does not have: an hour later
        ("2024-11-03", "12:00", "2024-11-03 17:00Z"),
        ("2024-11-03", "01:30", "2024-11-03 06:30Z"),  # a time that this night has twice: the second one
    ],
)
def test_daylight_saving_moves_the_instant_not_the_time_of_day(shop: Shop, today: str, send_time: str, in_utc: str):
    shop.settings = shop.settings.model_copy(update={"time_zone": "America/New_York"})
    shop.scenario(send_window=None, steps=[STEP | {"send_time": send_time}])
    shop.at(f"{today} 00:30")
    shop.buyer("C1", (date.fromisoformat(today) - timedelta(days=1)).isoformat())
    shop.plan()
    (planned,) = shop.execute("select planned_send_at = %s::timestamptz from outreach.schedule_rows", in_utc)
    assert planned == (True,)
    assert shop.row().due_date == date.fromisoformat(today)


@pytest.mark.parametrize(
    ("auto", "expected"), [("none", "12:00"), ("latest_purchase", "18:05"), ("first_purchase", "10:00")]
)
def test_a_step_can_go_at_the_time_of_day_of_a_purchase(shop: Shop, auto: str, expected: str):
    shop.scenario(steps=[STEP | {"auto_send_time": auto}])
    shop.buyer("C1")
    for number, ordered in enumerate(["2024-01-05 10:00:40", "2024-02-05 18:05", "2024-03-09 20:00"]):
        shop.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at) values (%s, 'C1', %s)",
            f"O{number}",
            shop.local(ordered),
        )
    shop.plan()  # at 06:00: the last of the orders is still to come
    assert shop.row().send_at == shop.local(f"2024-03-09 {expected}")


def test_a_cancelled_order_is_no_purchase_whose_time_of_day_counts(shop: Shop):
    shop.scenario(steps=[STEP | {"auto_send_time": "latest_purchase"}])
    shop.buyer("C1")
    for ordered, status in (("2024-01-05 10:00", "shipped"), ("2024-02-05 15:00", "cancelled")):
        shop.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at, status) values (%s, 'C1', %s, %s)",
            status,
            shop.local(ordered),
            status,
        )
    shop.plan()
    assert shop.row().send_at == shop.local("2024-03-09 10:00")


def test_a_purchase_outside_the_send_window_or_none_at_all_means_the_steps_own_time(shop: Shop):
    shop.scenario(steps=[STEP | {"auto_send_time": "latest_purchase"}])
    shop.buyer("C1")
    shop.buyer("C2")
    shop.execute(
        "insert into raw.orders (order_id, customer_id, ordered_at) values ('O1', 'C1', %s)",
        shop.local("2024-02-05 23:00"),
    )
    shop.plan()
    assert {row.send_at for row in shop.rows()} == {shop.local("2024-03-09 12:00")}


def test_the_send_window_is_compared_to_the_minute_like_the_time_of_a_purchase(shop: Shop):
    step = STEP | {"auto_send_time": "latest_purchase"}
    shop.scenario(send_window={"from": "09:00:30", "to": "20:00:30"}, steps=[step])
    for customer, ordered in (("C1", "09:00:10"), ("C2", "20:00:50"), ("C3", "08:59:59"), ("C4", "20:01")):
        shop.buyer(customer)
        shop.execute(
            "insert into raw.orders (order_id, customer_id, ordered_at) values ('O' || %s, %s, %s)",
            customer,
            customer,
            shop.local(f"2024-02-05 {ordered}"),
        )
    shop.plan()
    assert {row.customer_id: row.send_at for row in shop.rows()} == {
        "C1": shop.local("2024-03-09 09:00"),
        "C2": shop.local("2024-03-09 20:00"),
        "C3": shop.local("2024-03-09 12:00"),
        "C4": shop.local("2024-03-09 12:00"),
    }
