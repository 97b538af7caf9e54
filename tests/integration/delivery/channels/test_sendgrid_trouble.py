"""Trouble that lasts, and a search for whose fault it is."""

import time
from uuid import UUID

import pytest

from ekiden.delivery.channels.base import Outcome, ProviderBusy, ProviderStopped
from ekiden.delivery.channels.batches import UNKNOWN_IN_A_ROW
from tests.integration.delivery.channels.mail import mail, together
from tests.integration.delivery.channels.raw_server import Talk, raw_server
from tests.integration.delivery.channels.sendgrid_talks import (
    ACCEPTED,
    WHOLE,
    answering,
    channel_to,
    delivered,
    errors,
    judge,
    letters,
)


def test_trouble_that_lasts_costs_few_unknown_outcomes() -> None:
    with raw_server(answering(503)) as server:
        channel = channel_to(server.url)
        first = channel.deliver(together(50))
        assert letters(first) == "u" * 50
        second, raised = delivered(channel, [mail(number) for number in range(50, 100)])
        assert raised is ProviderBusy
        assert letters(second) == "u" * (UNKNOWN_IN_A_ROW - 1) + "n" * (51 - UNKNOWN_IN_A_ROW)
        third, _ = delivered(channel, [mail(number) for number in range(100, 150)])
        assert letters(third) == "u" + "n" * 49
        judge(server, first + second + third)


def test_after_trouble_one_message_finds_out_and_the_others_follow_together() -> None:
    with raw_server(answering(503), ACCEPTED) as server:
        channel = channel_to(server.url)
        channel.deliver([mail(0)])
        assert letters(channel.deliver([mail(number) for number in range(1, 100)])) == "a" * 99
        assert [len(body["personalizations"]) for body in server.bodies] == [1, 1, 98]


def test_of_three_hundred_only_the_guilty_are_refused() -> None:
    guilty = {UUID(int=number) for number in (0, 17, 150, 298, 299)}

    def judging(talk: Talk) -> None:
        if talk.request():
            body = talk.server.bodies[-1]
            ids = [UUID(one["custom_args"]["ekiden_message_id"]) for one in body["personalizations"]]
            if guilty.isdisjoint(ids):
                talk.say(WHOLE)
            else:
                talk.server.note_turned_down()
                said = errors(None)
                talk.say(f"HTTP/1.1 400 Bad\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)

    with raw_server(judging) as server:
        deliveries = channel_to(server.url).deliver(together(300))
        assert {one.message_id for one in deliveries if one.outcome is Outcome.refused} == guilty
        assert letters(deliveries).count("a") == 295
        assert len(server.bodies) < 100
        judge(server, deliveries)


@pytest.mark.parametrize("end", ["stopped", "busy", "unknown", "time"])
def test_a_search_for_the_guilty_that_is_cut_short_keeps_what_was_answered(end: str) -> None:
    last = {"stopped": answering(401), "busy": answering(429), "unknown": answering(500), "time": ACCEPTED}[end]
    seconds = iter([0.0, 1.0, 2.0, 3.0, *[99.0] * 50])
    with raw_server(answering(400), ACCEPTED, answering(400), last) as server:
        channel = channel_to(server.url, elapsed=(lambda: next(seconds)) if end == "time" else time.monotonic)
        deliveries, raised = delivered(channel, together(8))
        # the first half was accepted, the second refused; its first half meets the end (in trouble, one at a time)
        expected = {"stopped": "aaaannnn", "busy": "aaaannnn", "unknown": "aaaauuuu", "time": "aaaannnn"}[end]
        assert raised is (ProviderStopped if end == "stopped" else ProviderBusy)
        assert letters(deliveries) == expected
        judge(server, deliveries)
