"""`ekiden unknown`: what is known of messages of unknown outcome, and a person's word on them."""

import json
from datetime import UTC, datetime

import pytest

from ekiden.delivery.channels.base import Outcome
from ekiden.schedule.operating.actions import WHY
from tests.integration.ledger_fixtures import Shop


@pytest.fixture
def unknown(planned: Shop) -> Shop:
    """C1's message was posted at noon, and the provider's answer said nothing."""
    planned.at("2024-03-09 12:00")
    planned.channel.answers = {"c1@shop.example": Outcome.unknown}
    planned.send()
    planned.at("2024-03-09 15:00")
    return planned


def test_they_are_listed_with_their_evidence(unknown: Shop, ekiden):
    ended = ekiden("unknown", "list")
    assert ended.code == 0
    for part in ("c…@shop.example", "2024-03-09 12:00", "it said unknown", str(unknown.row(customer="C1").message_id)):
        assert part in ended.out
    assert "follow_up, step 1, recording, unknown: 1" in ended.err
    (row,) = json.loads(ekiden("unknown", "list", "--older-than", "3", "--format", "json").out)
    assert (row["customer_id"], row["hours"], row["past_limit"], row["sender"]) == ("C1", 3, False, "sensor")
    assert json.loads(ekiden("unknown", "list", "--older-than", "3.1", "--format", "json").out) == []


def test_settling_shows_what_it_would_touch_and_needs_a_yes(unknown: Shop, ekiden):
    assert ekiden("unknown", "settle", "sent").code == 2
    assert ekiden("unknown", "settle", "perhaps", "--all").code == 2
    tried = ekiden("unknown", "settle", "sent", "--customer", "C1", "--dry-run")
    assert "settle sent would look at 1 row; nothing was changed" in tried.err
    assert "would look at 1 row; nothing was changed" in ekiden("unknown", "settle", "sent", "--dry-run").err
    refused = ekiden("unknown", "settle", "sent", "--customer", "C1")
    assert (refused.code, "say how you know" in refused.err) == (1, True)
    asked = ekiden("unknown", "settle", "sent", "--customer", "C1", "--reason", "seen")
    assert (asked.code, asked.out) == (1, "")
    assert "say --yes to do it" in asked.err
    assert unknown.row(customer="C1").state == "sending"
    message = str(unknown.row(customer="C1").message_id)
    done = ekiden("unknown", "settle", "sent", "--message", message, "--reason", "seen", "--yes")
    assert done.out.strip() == "1 of 1 matching rows settled as sent"
    again = ekiden("unknown", "settle", "not-sent", "--row", message, "--reason", "no", "--yes")
    assert again.out.strip() == "0 of 0 matching rows settled as not-sent"
    assert "1 left: not on their way, so settled already or never sent: sent" in again.err
    (settlement,) = json.loads(ekiden("unknown", "settled", "--format", "json").out)
    assert (settlement["settled_by"], settlement["settled_as"], settlement["reason"]) == ("hanako", "sent", "seen")
    assert "settled as sent by hanako, 2024-03-09 15:00:00: seen" in ekiden("show", message).out


def test_not_sent_can_be_retried_at_once(unknown: Shop, ekiden):
    done = ekiden("unknown", "settle", "not-sent", "--all", "--retry", "--reason", "no trace of it", "--yes")
    assert done.out.strip() == "1 of 1 matching rows settled as not-sent, 1 of them to be sent again"
    assert unknown.row(customer="C1").state == "ready"
    wrong = ekiden("unknown", "settle", "sent", "--all", "--retry", "--reason", "x", "--yes")
    assert (wrong.code, "retry goes with not-sent" in wrong.err) == (1, True)


def test_before_failed_rows_are_tried_again_it_is_shown_which_of_them_have_arrived(unknown: Shop, ekiden):
    ekiden("unknown", "settle", "not-sent", "--all", "--reason", "no trace of it", "--yes")
    assert "arrived" not in ekiden("retry", "--all", "--dry-run").err
    message = unknown.row(customer="C1").message_id
    unknown.told("C1", "delivered", datetime(2024, 3, 9, 3, 1, tzinfo=UTC))
    posted = len(unknown.channel.messages)
    for asked in (("--dry-run",), (), ("--yes",)):
        told = ekiden("retry", "--customer", "C1", *asked).err
        for part in ("1 of these rows have arrived", "not sent again", "delivered 2024-03-09 03:01 UTC", str(message)):
            assert part in told
    unknown.send()
    assert (unknown.row(customer="C1", step_no=1).state, len(unknown.channel.messages)) == ("sent", posted)


def test_before_rows_are_deleted_it_is_shown_which_of_them_have_arrived_and_stay(unknown: Shop, ekiden):
    ekiden("unknown", "settle", "not-sent", "--all", "--reason", "no trace of it", "--yes")
    message = unknown.row(customer="C1").message_id
    unknown.told("C1", "delivered", datetime(2024, 3, 9, 3, 1, tzinfo=UTC))
    for asked in (("--dry-run",), (), ("--yes",)):
        told = ekiden("delete", "--customer", "C1", *asked).err
        for part in ("1 of these rows have arrived", "not deleted", "delivered 2024-03-09 03:01 UTC", str(message)):
            assert part in told
    assert f"1 left: {WHY['arrived']}" in told
    assert unknown.row(customer="C1").state == "failed"


def test_status_and_check_name_what_a_person_has_to_settle(unknown: Shop, ekiden):
    assert "to settle" not in ekiden("status").out
    unknown.at("2024-03-10 14:00")
    told = "1 row unknown for more than 26 hours: `ekiden unknown list`"
    assert told in ekiden("status").out
    checked = ekiden("check")
    assert checked.code == 1
    assert told in checked.err
    assert "follow_up, customer C1, step 1" in checked.err
    ekiden("unknown", "settle", "sent", "--all", "--reason", "seen", "--yes")
    assert ekiden("check").code == 0
