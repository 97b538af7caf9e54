from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from assets.steps.sending import WAITING
from ekiden.delivery.pauses import Cause, Pause
from ekiden.delivery.sending.due import DueSlot, LostClaims
from sensors.due_rows import (
    LOOK_AHEAD,
    LOST_CLAIMS,
    Slot,
    decide,
    slots_of,
)
from sensors.ended_runs import FIRST_WAIT, LONGEST_WAIT, Attempts, wait_after

NOW = datetime(2026, 5, 6, 3, 0, tzinfo=UTC)
TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = date(2026, 5, 6)
YESTERDAY = date(2026, 5, 5)
NONE_LOST = LostClaims(0, None)
PARTITIONS = {date(2026, 1, 1) + timedelta(days=n) for n in range(126)}


def due(day: date, minutes_ago: int = 1, newest_minutes_ago: int | None = None) -> DueSlot:
    newest = minutes_ago if newest_minutes_ago is None else newest_minutes_ago
    return DueSlot(day, 10, NOW - timedelta(minutes=minutes_ago), NOW - timedelta(minutes=newest))


def asked_for(slots, *, under_way=(), attempts=None):
    return decide(slots, under_way=under_way, attempts=attempts or {}, now=NOW, zone=TOKYO).requests


def test_nothing_due_asks_for_nothing_and_says_so() -> None:
    decision = decide([], under_way=(), attempts={}, now=NOW, zone=TOKYO)
    assert decision.requests == ()
    assert decision.reasons == ("nothing is due",)


def test_a_due_date_is_asked_for_by_its_partition() -> None:
    (request,) = asked_for(slots_of([due(TODAY)], NONE_LOST, PARTITIONS))
    assert request.slot.due_date == TODAY


def test_the_date_that_waits_longest_comes_first() -> None:
    requests = asked_for(slots_of([due(TODAY, 1), due(YESTERDAY, 5)], NONE_LOST, PARTITIONS))
    assert [request.slot.due_date for request in requests] == [YESTERDAY, TODAY]


def test_a_due_date_under_way_is_not_asked_for_again() -> None:
    slots = slots_of([due(TODAY)], NONE_LOST, PARTITIONS)
    decision = decide(slots, under_way={TODAY}, attempts={}, now=NOW, zone=TOKYO)
    assert decision.requests == ()
    assert "a run is on it" in decision.reasons[0]


def test_while_everything_is_being_sent_no_date_is_asked_for() -> None:
    assert asked_for(slots_of([due(TODAY)], NONE_LOST, PARTITIONS), under_way={None}) == ()


def test_many_due_dates_share_one_run() -> None:
    days = [due(TODAY - timedelta(days=n), n) for n in range(7)]
    (request,) = asked_for(slots_of(days, NONE_LOST, PARTITIONS))
    assert request.slot.due_date is None


def test_a_date_too_old_for_a_partition_is_sent_without_one() -> None:
    (request,) = asked_for(slots_of([due(date(2020, 2, 29))], NONE_LOST, PARTITIONS))
    assert request.slot.due_date is None


def test_what_a_vanished_sender_left_is_asked_for_although_nothing_else_is_due() -> None:
    (request,) = asked_for(slots_of([], LostClaims(3, 7), PARTITIONS))
    assert request.slot == Slot(f"{LOST_CLAIMS} 7", None)


def test_a_failed_run_does_not_block_its_slot() -> None:
    slots = slots_of([due(TODAY)], NONE_LOST, PARTITIONS)
    (first,) = asked_for(slots)
    ended = {slots[0].name: Attempts(1, NOW - FIRST_WAIT, "the first run")}
    (second,) = asked_for(slots, attempts=ended)
    assert second.run_key != first.run_key


def test_a_slot_that_was_left_due_waits_before_it_is_asked_for_again() -> None:
    slots = slots_of([due(TODAY)], NONE_LOST, PARTITIONS)
    ended = {slots[0].name: Attempts(3, NOW - FIRST_WAIT, "the third run")}
    decision = decide(slots, under_way=(), attempts=ended, now=NOW, zone=TOKYO)
    assert decision.requests == ()
    # its name, by which the run is known again, says the same in UTC and to the microsecond
    assert decision.reasons == (
        "2026-05-06 since 2026-05-06 11:59:00 JST until 2026-05-06 11:59:00 JST: run 3 left it so; "
        "again at 2026-05-06 12:01:30 JST",
    )


def test_a_slot_of_everything_tells_its_times_in_the_shops_zone_too() -> None:
    slots = slots_of([due(TODAY - timedelta(days=n), n) for n in range(7)], NONE_LOST, PARTITIONS)
    decision = decide(slots, under_way={None}, attempts={}, now=NOW, zone=TOKYO)
    assert decision.reasons == (
        "everything since 2026-05-06 11:54:00 JST until 2026-05-06 12:00:00 JST: a run is on it",
    )


def test_what_becomes_due_does_not_wait_with_what_was_left_due_before() -> None:
    (left,) = slots_of([due(TODAY, 60)], NONE_LOST, PARTITIONS)
    (with_new,) = slots_of([due(TODAY, 60, 0)], NONE_LOST, PARTITIONS)
    ended = {left.name: Attempts(5, NOW, "the fifth run")}
    assert asked_for([left], attempts=ended) == ()
    assert len(asked_for([with_new], attempts=ended)) == 1


def test_a_slot_ends_with_the_newest_time_of_any_of_its_dates() -> None:
    # of three dates, the one in the middle has the newest row
    spans = {TODAY: (50, 40), YESTERDAY: (60, 1), YESTERDAY - timedelta(days=1): (70, 30)}
    (slot,) = slots_of([due(day, *span) for day, span in spans.items()], NONE_LOST, PARTITIONS)
    assert slot.name == "everything since 2026-05-06T01:50:00+00:00 until 2026-05-06T02:59:00+00:00"


def test_what_another_sender_left_does_not_wait_with_what_earlier_ones_left() -> None:
    (earlier,) = slots_of([], LostClaims(3, 7), PARTITIONS)
    ended = {earlier.name: Attempts(9, NOW, "the ninth run")}
    assert asked_for([earlier], attempts=ended) == ()
    assert len(asked_for(slots_of([], LostClaims(4, 8), PARTITIONS), attempts=ended)) == 1


def test_after_a_clock_was_set_back_nothing_waits_for_the_time_that_it_showed() -> None:
    slots = slots_of([due(TODAY)], NONE_LOST, PARTITIONS)
    ended = {slots[0].name: Attempts(1, NOW + timedelta(days=3), "the first run")}
    assert len(asked_for(slots, attempts=ended)) == 1


def test_what_is_asked_for_early_is_waited_for() -> None:
    assert WAITING.ahead > LOOK_AHEAD


def test_a_provider_that_wants_to_be_left_alone_is_named() -> None:
    decision = decide([], under_way=(), attempts={}, now=NOW, zone=TOKYO, waits={"sendgrid": NOW + timedelta(hours=1)})
    assert decision.reasons == ("nothing is due", "sendgrid wants to be left alone until 2026-05-06 13:00:00 JST")


def test_one_date_under_way_does_not_keep_another_waiting() -> None:
    slots = slots_of([due(TODAY), due(YESTERDAY)], NONE_LOST, PARTITIONS)
    (request,) = asked_for(slots, under_way={YESTERDAY})
    assert request.slot.due_date == TODAY


def test_later_rows_of_a_date_make_another_slot() -> None:
    (morning,) = slots_of([due(TODAY, 60)], NONE_LOST, PARTITIONS)
    (noon,) = slots_of([due(TODAY, 1)], NONE_LOST, PARTITIONS)
    assert morning.name != noon.name


@pytest.mark.parametrize(("attempts", "wait"), [(1, FIRST_WAIT), (2, FIRST_WAIT * 2), (10_000, LONGEST_WAIT)])
def test_the_wait_doubles_up_to_its_limit(attempts: int, wait: timedelta) -> None:
    assert wait_after(attempts) == wait


def paused(scenario: str | None) -> Pause:
    return Pause(1, scenario, Cause.OPERATOR, "a wrong price", "hanako", NOW)


def test_while_all_sending_is_paused_nothing_is_asked_for_not_even_for_lost_claims() -> None:
    slots = slots_of([], LostClaims(3, 7), PARTITIONS)
    decision = decide(slots, under_way=(), attempts={}, now=NOW, zone=TOKYO, pauses=[paused("other"), paused(None)])
    assert decision.requests == ()
    assert decision.reasons[1].startswith("paused: all sending, by hanako since 2026-05-06 03:00 UTC: a wrong price")


def test_a_paused_scenario_is_told_of_and_the_others_are_asked_for() -> None:
    decision = decide(
        slots_of([due(TODAY)], NONE_LOST, PARTITIONS),
        under_way=(),
        attempts={},
        now=NOW,
        zone=TOKYO,
        pauses=[paused("other")],
    )
    assert len(decision.requests) == 1
    assert "paused: other" in decision.reasons[0]
