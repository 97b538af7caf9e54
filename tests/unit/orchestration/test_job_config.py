from datetime import date

import pytest

from orchestration.job_config import BackfillDays, NotADay, ReleaseHeldRows, SendNow

FORMS = (BackfillDays, ReleaseHeldRows, SendNow)


@pytest.mark.parametrize("form", FORMS)
def test_every_field_of_a_form_explains_itself(form) -> None:
    unexplained = [name for name, field in form.model_fields.items() if not field.description]
    assert unexplained == []


def test_releasing_is_a_dry_run_unless_said_otherwise() -> None:
    assert ReleaseHeldRows(actor="Hanako").dry_run is True


def test_a_release_means_held_rows_only() -> None:
    row_filter = ReleaseHeldRows(actor="Hanako", scenario="cross_sell", due_from="2026-05-01").row_filter()
    assert (row_filter.state, row_filter.scenario) == ("held", "cross_sell")
    assert row_filter.due_from == date(2026, 5, 1)


def test_a_day_that_is_none_is_refused_with_the_fields_name() -> None:
    with pytest.raises(NotADay, match="first_day: '1 May' is not a day; write it like 2026-05-01"):
        BackfillDays(first_day="1 May", last_day="2026-05-07").days()


def test_days_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(NotADay, match="swap them"):
        BackfillDays(first_day="2026-05-07", last_day="2026-05-01").days()
