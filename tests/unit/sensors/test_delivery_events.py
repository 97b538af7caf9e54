from datetime import UTC, datetime, timedelta

from ekiden.delivery.events.drain import Waiting
from sensors.delivery_events import Decision, decide

NOW = datetime(2026, 5, 12, 3, 0, tzinfo=UTC)
AGO = timedelta(minutes=2)


def asked(found: Waiting, *, is_under_way: bool = False, ended: timedelta | None = None) -> Decision:
    last = None if ended is None else NOW - ended
    return decide(found, is_under_way=is_under_way, last_ended_at=last, now=NOW)


def test_while_nothing_waits_nothing_is_asked_for() -> None:
    assert asked(Waiting(0, None, 0)) == Decision(False, "nothing waits")


def test_what_the_server_left_is_drained() -> None:
    assert asked(Waiting(3, NOW - AGO, 0)).drain
    assert asked(Waiting(3, NOW - AGO, 0), ended=AGO).drain


def test_what_came_just_now_is_left_to_the_server() -> None:
    decision = asked(Waiting(3, NOW - timedelta(seconds=59), 0))
    assert not decision.drain
    assert "left to the server" in decision.says


def test_unknown_messages_that_events_tell_of_are_settled_at_once() -> None:
    assert asked(Waiting(0, None, 1)).drain
    assert asked(Waiting(1, NOW, 1)).drain


def test_a_run_is_waited_for_and_one_that_failed_is_not_asked_for_with_every_look() -> None:
    assert not asked(Waiting(3, NOW - AGO, 0), is_under_way=True).drain
    assert not asked(Waiting(3, NOW - AGO, 0), ended=timedelta(seconds=59)).drain


def test_a_clock_that_was_set_back_stops_nothing() -> None:
    assert asked(Waiting(3, NOW + timedelta(hours=1), 0), ended=timedelta(hours=-1)).drain
