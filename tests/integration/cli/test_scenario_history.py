"""`ekiden scenario history`: what changed of a scenario, for people and for programs."""

import csv
import io
import json

from tests.integration.ledger_fixtures import STEP, Shop


def test_a_scenario_s_changes_are_shown_with_who_made_them(planned: Shop, ekiden):
    planned.scenario(status="disabled", steps=[STEP, STEP | {"offset_days": 30}])
    assert ekiden("plan").code == 0

    table = ekiden("scenario", "history", "follow_up")
    assert table.code == 0
    *_, last = json.loads(ekiden("scenario", "history", "follow_up", "--format", "json").out)
    rows = list(csv.DictReader(io.StringIO(ekiden("scenario", "history", "follow_up", "--format", "csv").out)))

    assert (last["setting"], last["value_before"], last["value_after"]) == ("status", "enabled", "disabled")
    assert (last["actor"], last["git_revision"], last["build_id"]) == ("hanako", "abc123", "build-1")
    assert (rows[-1]["setting"], rows[-1]["value_after"]) == ("status", "disabled")
    assert "hanako" in table.out


def test_a_code_that_no_scenario_has_is_told_with_what_was_probably_meant(planned: Shop, ekiden):
    ended = ekiden("scenario", "history", "folow_up")
    assert ended.code != 0
    assert "perhaps follow_up" in ended.err


def test_a_scenario_that_is_built_and_not_planned_yet_has_no_history(planned: Shop, ekiden):
    planned.scenario("fresh")
    ended = ekiden("scenario", "history", "fresh", "--format", "json")
    assert (ended.code, json.loads(ended.out)) == (0, [])
