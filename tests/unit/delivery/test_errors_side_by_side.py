"""What becomes of the errors of several senders."""

from uuid import uuid4

import pytest

from ekiden.content.faults import ContentFault
from ekiden.delivery.channels.base import ProviderStopped
from ekiden.delivery.pauses import SendingPaused
from ekiden.delivery.sending.contents import ContentsBroken
from ekiden.delivery.sending.record import Recorded
from ekiden.delivery.sending.send import SendCounts, SendReport
from ekiden.delivery.sending.side_by_side import raise_first

PAUSED = SendingPaused([])


def sent(number: int) -> SendReport:
    return SendReport(uuid4(), SendCounts(sent=number), Recorded())


def broken(name: str, *reports: SendReport) -> ContentsBroken:
    return ContentsBroken({name: ContentFault(f"{name}.txt", None, "no subject")}, reports)


def test_faults_of_contents_are_told_together_and_what_was_sent_besides():
    with pytest.raises(ContentsBroken) as caught:
        raise_first([broken("a", sent(2)), PAUSED, broken("b", sent(3))], [sent(1)])
    assert set(caught.value.faults) == {"a", "b"}
    assert [report.counts.sent for report in caught.value.reports] == [1, 2, 3]


def test_what_stops_the_line_is_told_before_anything_else():
    with pytest.raises(ProviderStopped):
        raise_first([PAUSED, broken("a"), ProviderStopped("401", [])], [sent(1)])


def test_a_pause_is_an_error_only_where_nobody_began():
    raise_first([PAUSED], [sent(1)])
    with pytest.raises(SendingPaused):
        raise_first([PAUSED, PAUSED], [])


def test_no_error_is_none():
    raise_first([], [sent(1)])
