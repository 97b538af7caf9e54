"""What becomes of the errors of several senders."""

import pytest

from ekiden.content.faults import ContentFault
from ekiden.delivery.channels.base import LineStopped
from ekiden.delivery.contents import ContentsBroken
from ekiden.delivery.pauses import SendingPaused
from ekiden.delivery.side_by_side import raise_first

PAUSED = SendingPaused([])


def broken(name: str) -> ContentsBroken:
    return ContentsBroken({name: ContentFault(f"{name}.txt", None, "no subject")})


def test_faults_of_contents_are_told_together():
    with pytest.raises(ContentsBroken) as caught:
        raise_first([broken("a"), PAUSED, broken("b")], begun=True)
    assert set(caught.value.faults) == {"a", "b"}


def test_what_stops_the_line_is_told_before_anything_else():
    with pytest.raises(LineStopped):
        raise_first([PAUSED, broken("a"), LineStopped("401", [])], begun=True)


def test_a_pause_is_an_error_only_where_nobody_began():
    raise_first([PAUSED], begun=True)
    with pytest.raises(SendingPaused):
        raise_first([PAUSED, PAUSED], begun=False)


def test_no_error_is_none():
    raise_first([], begun=True)
