from datetime import UTC, date, datetime

import pytest

from ekiden.delivery.consent.opt_outs import OptOutFilter
from ekiden.schedule.rows import NoRowId
from orchestration.jobs.fields import NotADay, NotAWord, OutOfBounds
from orchestration.jobs.forms import (
    AddOptOut,
    BackfillDays,
    ExportLists,
    ImportList,
    NothingChosen,
    NothingToPause,
    OperateRows,
    PauseSending,
    ResumeSending,
    SendNow,
    SettleUnknown,
    SyncSuppressions,
    WhichOptOuts,
    WithdrawOptOuts,
)
from orchestration.jobs.looking_forms import (
    ExplainCustomer,
    SearchRows,
    ShowDecisions,
    ShowHeld,
    ShowStatus,
    ShowTimeline,
)

NOW = datetime(2026, 5, 6, 3, 0, tzinfo=UTC)
WRONG_WAY = {"due_from": "2026-05-07", "due_to": "2026-05-01"}

FORMS = (
    *(BackfillDays, OperateRows, PauseSending, ResumeSending, SendNow, SettleUnknown),
    *(ExportLists, ImportList, WhichOptOuts, AddOptOut, WithdrawOptOuts, SyncSuppressions),
    *(ExplainCustomer, SearchRows, ShowDecisions, ShowHeld, ShowStatus, ShowTimeline),
)


@pytest.mark.parametrize("form", FORMS)
def test_every_field_of_a_form_explains_itself(form) -> None:
    unexplained = [name for name, field in form.model_fields.items() if not field.description]
    assert unexplained == []


def test_an_operators_action_is_a_dry_run_unless_said_otherwise() -> None:
    assert OperateRows(actor="Hanako").dry_run is True


def test_a_form_says_which_rows_by_the_words_of_the_command_line() -> None:
    form = OperateRows(
        actor="Hanako",
        scenario="cross_sell",
        due_from="2026-05-01",
        state=["held", "ready"],
        row=["7"],
        first=3,
        hold_reason=["missed_send"],
    )
    row_filter = form.row_filter()
    assert (row_filter.scenario, row_filter.states) == ("cross_sell", ("held", "ready"))
    assert row_filter.hold_reasons == ("missed_send",)
    assert (row_filter.due_from, row_filter.rows, row_filter.first) == (date(2026, 5, 1), ("7",), 3)


def test_what_a_search_finds_is_named_by_the_same_fields_to_an_action() -> None:
    found = SearchRows(state=["skipped", "held"], reason="no_address", row=["7"], hold_reason=["past_due"]).chosen()
    meant = OperateRows(
        actor="Hanako", state=["skipped", "held"], row_reason="no_address", row=["7"], hold_reason=["past_due"]
    ).row_filter()
    assert found == meant
    assert (found.states, found.reason, found.rows) == (("skipped", "held"), "no_address", ("7",))
    assert ShowHeld(hold_reason=["operator"]).chosen().hold_reasons == ("operator",)


def test_a_reason_alone_names_no_rows_to_an_action() -> None:
    with pytest.raises(NothingChosen):
        OperateRows(actor="Hanako", row_reason="no_address", dry_run=False).row_filter()


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: SearchRows(state=["late"]).chosen(), "state: 'late' is not known; allowed: ready, held"),
        (lambda: ShowHeld(hold_reason=["late"]).chosen(), "hold_reason: 'late' is not known; allowed: past_due"),
        (
            lambda: SettleUnknown(actor="Hanako", settled_as="perhaps").settled(),
            "settled_as: 'perhaps' is not known; allowed: sent, not-sent",
        ),
    ],
)
def test_a_word_that_is_none_is_refused_with_the_fields_name(read, words: str) -> None:
    with pytest.raises(NotAWord, match=words):
        read()


def test_fields_that_were_emptied_again_name_no_row() -> None:
    # a filter by "" would match nothing, and say so; nothing at all must be meant, too
    with pytest.raises(NothingChosen):
        OperateRows(actor="Hanako", scenario="", customer="", dry_run=False).row_filter()
    with pytest.raises(NothingChosen):
        SettleUnknown(
            actor="Hanako", settled_as="sent", scenario="", customer="", channel="", run="", dry_run=False
        ).chosen(NOW)


def test_what_names_no_row_is_refused() -> None:
    with pytest.raises(NoRowId, match="'seven' names no row"):
        OperateRows(actor="Hanako", row=["seven"]).row_filter()


@pytest.mark.parametrize("fields", [{}, {"scenario": "cross_sell", "all": True}])
def test_a_pause_is_of_one_scenario_or_of_all(fields) -> None:
    with pytest.raises(NothingToPause, match="name a scenario, or set all to true"):
        PauseSending(actor="Hanako", reason="wrong price", **fields).paused_scenario()


def test_a_field_that_was_left_blank_hinders_nobody_from_stopping_everything() -> None:
    assert PauseSending(actor="Hanako", reason="wrong price", scenario="", all=True).paused_scenario() is None


def test_a_field_that_was_left_blank_narrows_no_choice_of_opt_outs() -> None:
    blank = {"address": "", "channel": "", "site": ""}
    assert WhichOptOuts(customer="C1", **blank).chosen() == OptOutFilter(customer_id="C1")
    assert WhichOptOuts(customer="").chosen([7]) == OptOutFilter(opt_out_ids=(7,))


def test_a_day_that_is_none_is_refused_with_the_fields_name() -> None:
    with pytest.raises(NotADay, match="first_day: '1 May' is not a day; write it like 2026-05-01"):
        BackfillDays(first_day="1 May", last_day="2026-05-07").days()


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(NotADay, match="swap them"):
        BackfillDays(first_day="2026-05-07", last_day="2026-05-01").days()


@pytest.mark.parametrize("form", [OperateRows(actor="Hanako", **WRONG_WAY), SearchRows(**WRONG_WAY)])
def test_due_dates_the_wrong_way_round_are_refused_and_not_taken_for_no_row(form) -> None:
    with pytest.raises(NotADay, match="due_to 2026-05-01 is before due_from 2026-05-07: swap them"):
        form.row_filter() if isinstance(form, OperateRows) else form.chosen()


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: OperateRows(actor="Hanako", limit=0).row_filter(), "limit: 0 is too small; it is at least 1"),
        (lambda: OperateRows(actor="Hanako", first=-1).row_filter(), "first: -1 is too small; it is at least 1"),
        (lambda: settling(limit=0).chosen(NOW), "limit: 0 is too small; it is at least 1"),
        (lambda: settling(older_than_hours=-0.5).chosen(NOW), "older_than_hours: -0.5 is too small; it is at least 0"),
        (lambda: settling(older_than_hours=float("nan")).chosen(NOW), "older_than_hours: nan is too small"),
        (lambda: settling(older_than_hours=2e6).chosen(NOW), "older_than_hours: 2000000.0 is too large; it is at most"),
        (lambda: SearchRows(limit=0).chosen(), "limit: 0 is too small; it is at least 1"),
        (lambda: ShowHeld(limit=51).chosen(), "limit: 51 is too large; it is at most 50"),
        (lambda: ShowDecisions(limit=51).chosen(), "limit: 51 is too large; it is at most 50"),
        (lambda: ShowTimeline(customer="C1", limit=0).chosen(), "limit: 0 is too small; it is at least 1"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_with_the_fields_name(read, words: str) -> None:
    with pytest.raises(OutOfBounds, match=words):
        read()


def settling(**fields: float) -> SettleUnknown:
    return SettleUnknown(actor="Hanako", settled_as="sent", **fields)


def test_a_backfill_without_days_means_the_missed_ones() -> None:
    assert BackfillDays().days() is None
    assert BackfillDays(first_day="2026-05-01", last_day="2026-05-07").days() == (date(2026, 5, 1), date(2026, 5, 7))


@pytest.mark.parametrize("days", [{"first_day": "2026-05-01"}, {"last_day": "2026-05-01"}])
def test_one_end_of_a_range_alone_is_refused(days) -> None:
    with pytest.raises(NotADay, match="first_day and last_day belong together"):
        BackfillDays(**days).days()
