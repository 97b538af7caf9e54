import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.delivery.channels.sendgrid.answers import Meaning, UnderstoodAnswer
from ekiden.delivery.channels.sendgrid.bisect import Portion
from ekiden.delivery.channels.sendgrid.posting import Fate, Posting
from tests.integration.delivery.channels.mail import apart

ACCEPTED = UnderstoodAnswer(Meaning.accepted, "yes")
UNKNOWN = UnderstoodAnswer(Meaning.unknown, "who knows")
LONG = 30
"""Seconds for which one thread waits for another: a machine may be busy."""


def posting_of_four(post: Callable[[Portion], Fate]) -> Posting:
    return Posting(
        apart(4),
        [(number,) for number in range(4)],
        post=post,
        in_time=lambda: True,
        clock=lambda: datetime(2024, 2, 29, tzinfo=UTC),
        connections=2,
        unknown_in_a_row=0,
    )


def test_while_there_is_trouble_nothing_begins_beside_what_is_under_way() -> None:
    spans: dict[int, tuple[float, float]] = {}
    slow_one_began, unknown_one_ended = threading.Event(), threading.Event()

    def post(portion: Portion) -> Fate:
        (number,) = portion.positions
        began = time.monotonic()
        if number == 0:
            assert slow_one_began.wait(LONG)
        elif number == 1:
            slow_one_began.set()
            assert unknown_one_ended.wait(LONG)
            # for whatever else would begin now
            time.sleep(0.2)
        spans[number] = (began, time.monotonic())
        if number == 0:
            unknown_one_ended.set()
        return UNKNOWN if number == 0 else ACCEPTED

    posting = posting_of_four(post)
    posting.run()
    assert spans[0][1] < spans[1][1] <= spans[2][0]
    outcomes = [posting.delivery(number).outcome for number in range(4)]
    assert outcomes == [Outcome.unknown, *[Outcome.accepted] * 3]


def test_until_when_nothing_more_is_taken_is_told_apart_and_not_in_another_zones_time() -> None:
    until = datetime(2024, 2, 29, 0, 1, tzinfo=UTC)
    posting = posting_of_four(lambda _: UnderstoodAnswer(Meaning.busy, "too many", wait_until=until))
    posting.run()
    assert (posting.ended, posting.wait_until) == ("SendGrid takes no more requests for now", until)


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_an_interrupted_sender_begins_nothing_else_on_either_connection(first: bool) -> None:
    both_began = threading.Barrier(2)
    posted: list[int] = []
    is_interrupted = threading.Event()

    def post(portion: Portion) -> Fate:
        posted.extend(portion.positions)
        both_began.wait(LONG)
        if (threading.current_thread() is threading.main_thread()) is first:
            is_interrupted.set()
            raise KeyboardInterrupt
        assert is_interrupted.wait(LONG)
        # until the other has been noted, and what else could begin has begun
        time.sleep(0.2)
        return ACCEPTED

    with pytest.raises(KeyboardInterrupt):
        posting_of_four(post).run()
    assert sorted(posted) == [0, 1]
