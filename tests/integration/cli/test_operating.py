"""The commands of the person on duty: look, pause, resume, check, and change rows having seen which."""

import io
import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ekiden.settings import Settings
from tests.integration.ledger_fixtures import STEP, Shop

NOON = "2024-03-09 12:00"


class Terminal(io.StringIO):
    """Somebody at a keyboard."""

    def isatty(self) -> bool:
        return True


def test_an_action_shows_what_it_would_touch_and_needs_a_yes_where_nobody_can_be_asked(planned: Shop, ekiden):
    ended = ekiden("release", "--customer", "C2")
    assert (ended.code, ended.out) == (1, "")
    for part in ("follow_up, step 1, held (past_due): 1", "say --yes to do it"):
        assert part in ended.err
    assert planned.row(customer="C2").state == "held"
    assert ekiden("release", "--customer", "C2", "--yes").out.strip() == "1 of 1 matching rows changed by release"


@pytest.mark.parametrize(("answer", "code", "state"), [("y\n", 0, "ready"), ("n\n", 1, "held"), ("\n", 1, "held")])
def test_a_person_at_the_terminal_is_asked(planned: Shop, ekiden, monkeypatch, answer, code, state):
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    ended = ekiden("release", "--customer", "C2")
    assert ended.code == code
    assert "release this 1 row?" in ended.err
    assert planned.row(customer="C2").state == state


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("release", "--state", "sent", "--all"), "state sent: release applies to rows that are held"),
        (("retry", "--hold-reason", "past_due", "--all"), "hold reason: retry applies to rows that are failed"),
        (("delete", "--row", "seven"), "'seven' names no row"),
        (("pause", "nobody", "--reason", "x"), "no scenario 'nobody'; known: follow_up"),
        (("rows", "--scenario", "follow_upp"), "no scenario 'follow_upp', perhaps follow_up; known: follow_up"),
        (("held", "--scenario", "follow_upp"), "no scenario 'follow_upp', perhaps follow_up"),
        (("decisions", "--scenario", "follow_upp"), "no scenario 'follow_upp', perhaps follow_up"),
        (("release", "--scenario", "follow_upp", "--yes"), "no scenario 'follow_upp', perhaps follow_up"),
        (("pause", "--all", "--reason", " "), "say why"),
    ],
)
def test_a_slip_is_refused_with_its_reason(planned: Shop, ekiden, arguments, message):
    ended = ekiden(*arguments)
    assert (ended.code, ended.out) == (1, "")
    assert message in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "--reason", "x"),
        ("pause", "follow_up", "--all", "--reason", "x"),
        ("pause", "--all"),
        ("release", "--first", "0"),
        ("release", "--state", "held"),
        ("release", "--hold-reason", "past_due"),
        ("release", "--hold-reason", "late", "--all"),
        ("resume", "follow_up", "--all", "--reason", "x"),
    ],
)
def test_wrong_usage_ends_with_2(planned: Shop, ekiden, arguments):
    assert ekiden(*arguments).code == 2


@pytest.mark.parametrize("chosen", [(), ("--state", "held"), ("--hold-reason", "past_due")])
def test_a_dry_run_needs_no_filter_as_it_changes_nothing(planned: Shop, ekiden, chosen):
    ended = ekiden("release", *chosen, "--dry-run")
    assert ended.code == 0
    assert "release would look at 1 row; nothing was changed" in ended.err
    assert planned.row(customer="C2").state == "held"


@pytest.mark.parametrize("chosen", [("--state", "held"), ("--hold-reason", "past_due")])
def test_a_state_alone_is_said_to_be_of_every_scenario(planned: Shop, ekiden, chosen):
    ended = ekiden("release", *chosen)
    assert ended.code == 2
    assert "alone are of every scenario: give another filter as well, or --all" in " ".join(ended.err.split())


def test_nothing_to_do_is_said_with_what_there_is_instead(planned: Shop, ekiden):
    ended = ekiden("retry", "--scenario", "follow_up")
    assert (ended.code, ended.out.strip()) == (0, "0 of 2 matching rows changed by retry")
    assert "1 left: in a state that retry does not apply to (held)" in ended.err
    assert ekiden("retry", "--customer", "nobody").out.strip() == "0 of 0 matching rows changed by retry"


def test_who_is_in_a_scenario_and_has_no_row_yet_is_shown_blocked_and_taken_back(shop: Shop, ekiden):
    shop.scenario(enrol_at="anchor", steps=[STEP | {"offset_days": 30}])
    shop.buyer("C1", "2024-03-09")
    shop.plan()
    asked = ekiden("block", "--customer", "C1")
    assert (asked.code, asked.out) == (1, "")
    for part in ("follow_up, step 1, no row yet, due 2024-04-08: 1", "block would touch 1 enrolment without a row"):
        assert part in asked.err
    dry = ekiden("block", "--customer", "C1", "--dry-run")
    assert "block would look at 1 enrolment without a row; nothing was changed" in dry.err
    changed = ekiden("block", "--customer", "C1", "--yes")
    assert (changed.code, changed.out.strip()) == (0, "1 of 1 matching enrolments without a row changed by block")
    assert shop.enrolments() == {"C1": ("stopped", "blocked")}
    back = ekiden("reopen", "--customer", "C1", "--reason", "rang", "--yes")
    assert back.out.strip() == "1 of 1 matching enrolments without a row changed by reopen"
    assert shop.enrolments() == {"C1": ("active", None)}


def test_rows_can_be_chosen_by_state_by_number_and_by_how_long_they_are_due(planned: Shop, ekiden):
    (held,) = json.loads(ekiden("rows", "--state", "held", "--format", "json").out)
    assert ekiden("complete", "--state", "ready", "--all", "--yes").out.strip().startswith("1 of 1")
    assert ekiden("block", "--row", held["message_id"], "--yes").out.strip().startswith("1 of 1")
    assert set(planned.states().values()) == {"completed", "blocked"}
    assert ekiden("delete", "--first", "1", "--yes").out.strip().startswith("1 of 1")
    assert [row.customer_id for row in planned.rows()] == ["C1"]


def test_what_a_search_finds_is_handed_to_an_action_by_the_same_filters(planned: Shop, ekiden):
    ekiden("hold", "--customer", "C1", "--yes")

    def found(*filters: str) -> list[str]:
        return [row["customer_id"] for row in json.loads(ekiden("rows", *filters, "--format", "json").out)]

    ekiden("release", "--customer", "C2", "--yes")
    assert found("--state", "held", "--state", "ready") == ["C2", "C1"]
    assert found("--hold-reason", "operator") == ["C1"]
    assert found("--reason", "operator") == ["C1"]
    number = str(planned.row(customer="C2").schedule_row_id)
    assert found("--row", number) == ["C2"]
    alone = ekiden("delete", "--row-reason", "operator", "--yes")
    assert alone.code == 2
    deleted = ekiden("delete", "--scenario", "follow_up", "--row-reason", "operator", "--yes")
    assert deleted.out.strip() == "1 of 1 matching rows changed by delete"
    assert [row.customer_id for row in planned.rows()] == ["C2"]


def test_what_a_person_held_on_purpose_stays_held_when_what_was_late_is_released(planned: Shop, ekiden):
    assert ekiden("hold", "--customer", "C1", "--yes").code == 0
    told = ekiden("release", "--scenario", "follow_up", "--dry-run").err
    assert "follow_up, step 1, held (operator): 1" in told
    assert "follow_up, step 1, held (past_due): 1" in told
    late = ("--hold-reason", "past_due", "--hold-reason", "missed_send")
    assert ekiden("release", "--scenario", "follow_up", *late, "--yes").out.strip().startswith("1 of 1")
    assert planned.states() == {("C1", 1): "held", ("C2", 1): "ready"}


def test_a_release_of_what_is_due_later_says_so_and_how_to_leave_it_held(planned: Shop, ekiden):
    planned.at(NOON)
    planned.send()
    assert planned.row(customer="C1", step_no=2).due_date.isoformat() == "2024-04-07"
    ekiden("hold", "--customer", "C1", "--yes")
    would = "note: 1 of them are due after 2024-03-09 and would go out before their day; to leave them held: --due-to"
    told = ekiden("release", "--scenario", "follow_up", "--dry-run")
    assert f"{would} 2024-03-09" in told.err
    assert would in ekiden("release", "--scenario", "follow_up").err
    left = ekiden("release", "--scenario", "follow_up", "--due-to", "2024-03-09", "--yes")
    assert (left.out.strip(), left.err) == ("1 of 1 matching rows changed by release", "")
    released = ekiden("release", "--scenario", "follow_up", "--yes").err
    assert "note: 1 of them are due after 2024-03-09 and go out before their day; to keep them: ekiden hold" in released
    assert ekiden("hold", "--due-from", "2024-03-10", "--yes").out.strip() == "1 of 1 matching rows changed by hold"


def test_an_emergency_stop_and_the_way_on(planned: Shop, ekiden):
    planned.at(NOON)
    ended = ekiden("pause", "--all", "--reason", "the price is wrong", "--actor", "taro")
    assert (ended.code, ended.out.strip()) == (0, "paused: all sending; to go on: ekiden resume --reason WHY")
    refused = ekiden("send")
    assert refused.code == 1
    assert "by taro since 2024-03-09 12:00 JST: the price is wrong" in refused.err
    assert planned.row(customer="C1").state == "ready"
    # whoever releases meanwhile is told that nothing goes yet
    assert "note: paused: all sending" in ekiden("release", "--customer", "C2", "--yes").err
    resumed = ekiden("resume", "--reason", "it is right")
    assert resumed.out.strip() == "resumed: all sending, which taro had paused: the price is wrong"
    assert ekiden("send").out.strip() == "2 claimed, 2 sent"
    assert ekiden("resume", "--reason", "again").out.strip() == "all sending was not paused"


def test_the_status_says_why_the_last_send_failed(planned: Shop, ekiden):
    planned.at(NOON)
    ekiden("pause", "--all", "--reason", "the price is wrong", "--actor", "taro")
    ekiden("send")
    why = "paused: all sending, by taro since 2024-03-09 12:00 JST: the price is wrong. To go on: ekiden resume"
    assert f"by hanako: failed ({why}" in ekiden("status").out
    ekiden("resume", "--reason", "it is right")

    planned.at("2024-03-09 12:01")

    def end_it(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        planned.send(progress=end_it)
    status = json.loads(ekiden("status", "--format", "json").out)
    assert {run["kind"]: (run["outcome"], run["error"]) for run in status["last_runs"]} == {
        "plan": ("succeeded", None),
        "send": ("failed", ""),
    }
    assert "failed (interrupted, or its error has no words)" in ekiden("status").out
    planned.at("2024-03-09 12:02")
    ekiden("send")
    assert ": succeeded" in next(line for line in ekiden("status").out.splitlines() if "last send" in line)


def test_a_paused_scenario_is_noted_and_its_late_rows_are_told_when_it_goes_on(planned: Shop, ekiden):
    planned.at(NOON)
    ekiden("pause", "follow_up", "--reason", "a wrong picture")
    ended = ekiden("send")
    assert (ended.code, ended.out.strip()) == (0, "nothing was sent")
    assert "note: paused: follow_up" in ended.err
    planned.at("2024-03-09 19:00")
    assert "1 row too late by now" in ekiden("resume", "follow_up", "--reason", "mended").err


def test_what_stays_paused_is_not_told_to_be_held_by_the_next_send(planned: Shop, ekiden):
    planned.at(NOON)
    ekiden("pause", "follow_up", "--reason", "a wrong picture")
    ekiden("pause", "--all", "--reason", "a wrong price")
    planned.at("2024-03-09 19:00")
    assert "too late" not in ekiden("resume", "--reason", "the price is right").err
    assert "1 of those paused: the first send after `ekiden resume` holds them" in ekiden("status").out
    assert "1 row too late by now" in ekiden("resume", "follow_up", "--reason", "mended").err


def test_the_status_says_what_a_person_on_duty_asks_first(planned: Shop, ekiden):
    planned.at(NOON)
    ended = ekiden("status")
    assert ended.code == 0
    lines = {line.split("  ")[0].strip(): line for line in ended.out.splitlines()}
    assert "nothing" in lines["paused"]
    assert lines["due now"].split()[2:] == ["1", "row"]
    assert lines["held"].split()[1:] == ["1", "row"]
    assert "2024-03-09 06:00 by schedule of 2024-03-09 to 2024-03-09: succeeded" in lines["last plan"]
    assert "never" in lines["last send"]
    ekiden("pause", "follow_up", "--reason", "[b]価格[/b]が「誤り」")
    paused = ekiden("status").out
    assert "follow_up, by hanako since 2024-03-09 12:00: [b]価格[/b]が「誤り」" in paused
    assert "0 rows, and 1 paused" in paused
    as_json = json.loads(ekiden("status", "--format", "json").out)
    assert (as_json["pauses"][0]["scenario_code"], as_json["rows"]["due_paused"]) == ("follow_up", 1)


def test_the_status_for_scripts_has_the_shops_time_and_durations_in_seconds(planned: Shop, ekiden):
    planned.at("2024-03-09 12:00:01.5")
    ekiden("send")
    ekiden("pause", "--all", "--reason", "a wrong price")
    status = json.loads(ekiden("status", "--format", "json").out)
    assert status["pauses"][0]["paused_at"] == "2024-03-09T12:00:01.500000+09:00"
    assert (status["latency"]["longest"], status["latency"]["p50"]) == (1.5, 1.5)
    assert {run["started_at"][-6:] for run in status["last_runs"]} == {"+09:00"}


def test_the_status_says_that_the_database_has_another_local_time_and_the_send_goes_on(
    planned: Shop, ekiden, monkeypatch: pytest.MonkeyPatch
):
    planned.at(NOON)
    assert "time zone" not in ekiden("status").out
    # as if Python's zone data were of another age
    monkeypatch.setattr(Settings, "zone", property(lambda _: ZoneInfo("Asia/Manila")))
    ended = ekiden("status")
    assert ended.code == 0
    assert "EKIDEN_TIME_ZONE Asia/Tokyo: Python's zone data and the database's differ from 2024-03-09 on" in ended.out
    assert ekiden("send").out.strip() == "1 claimed, 1 sent"


def test_the_status_says_which_provider_is_left_alone_and_until_when(planned: Shop, ekiden):
    planned.at(NOON)
    planned.channel.busy_until = planned.now + timedelta(seconds=20)
    planned.send()
    assert "recording is left alone until 2024-03-09 12:00:20: " in ekiden("status").out
    planned.now = planned.channel.busy_until
    assert "is left alone" not in ekiden("status").out


def test_the_history_of_pauses_can_be_asked_for(planned: Shop, ekiden):
    ekiden("pause", "--all", "--reason", "one")
    ekiden("resume", "--all", "--reason", "two", "--actor", "taro")
    (kept,) = json.loads(ekiden("status", "--pauses", "--format", "json").out)
    assert kept["paused_at"] == "2024-03-09T06:00:00+09:00"
    assert (kept["reason"], kept["paused_by"], kept["resume_reason"], kept["resumed_by"]) == (
        *("one", "hanako"),
        *("two", "taro"),
    )


def test_a_check_of_a_broken_ledger_pauses_sending_and_names_the_offender(planned: Shop, ekiden):
    assert ekiden("check").code == 0
    planned.at(NOON)
    ekiden("send")
    with planned.connection.transaction():
        planned.execute("set local session_replication_role = replica")
        planned.execute("delete from outreach.messages")
    ended = ekiden("check")
    assert ended.code == 1
    assert "one_message_per_sent_row: BROKEN by 1 row\n" in ended.out
    assert "one_message_per_sent_row: schedule_row_id" in ended.err
    assert "sending: paused: all sending, by guard one_message_per_sent_row" in ended.err
    ekiden("resume", "--reason", "known")
    again = ekiden("check")
    assert again.code == 1
    assert "sending: paused" not in again.err
