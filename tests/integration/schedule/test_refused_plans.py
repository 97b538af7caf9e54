"""Plans that are refused whole, with the way out: days that cannot be meant, codes, no build, other zone data."""

from zoneinfo import ZoneInfo

import pytest

from ekiden.database.connection import connect
from ekiden.schedule.errors import DaysOutOfReach, NothingBuilt, UnknownScenario, ZoneDataDiffers
from ekiden.schedule.zone_data import coming_difference
from ekiden.settings import Settings
from tests.integration.ledger_fixtures import Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_range_that_ends_before_it_begins_is_refused(shop: Shop):
    with pytest.raises(ValueError, match="before"):
        shop.plan("2024-03-09", "2024-03-08")


@pytest.mark.parametrize(
    ("first", "last"), [("0206-11-22", "2024-03-09"), ("0206-11-22", "0206-11-22"), ("2024-03-09", "2204-03-09")]
)
def test_days_that_can_only_be_a_mistyped_year_are_refused_and_leave_no_trace(shop: Shop, first: str, last: str):
    shop.scenario(status="disabled")
    with pytest.raises(DaysOutOfReach, match=f"{first} to {last} .*is the year right"):
        shop.plan(first, last)
    assert shop.execute("select count(*) from outreach.runs") == [(0,)]


def test_ten_years_can_be_planned_at_once(shop: Shop):
    shop.scenario()
    shop.buyer("C1", "2014-03-10")
    shop.plan("2014-03-09", "2024-03-09")
    assert shop.row().state == "held"


def test_an_unknown_scenario_is_refused_with_the_known_ones_and_nothing_is_planned(shop: Shop):
    shop.scenario("one")
    shop.customer("C1")
    shop.eligible("C1", "2024-03-08", model="one")
    with pytest.raises(UnknownScenario, match="no scenario 'two'; known: one"):
        shop.plan(scenarios=["one", "two"])
    assert shop.rows() == []
    # no plan that failed: it would hide the last good one, and miss its day
    assert shop.execute("select outcome from outreach.runs") == []


def test_before_the_first_build_there_is_nothing_to_plan_from(settings):
    with connect(settings, autocommit=True) as connection, pytest.raises(NothingBuilt, match="ekiden build"):
        Shop(settings, connection).plan()


@pytest.fixture
def unchanged_clocks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose database knows of no summer time, which Python begins on 2024-03-10."""
    monkeypatch.setattr(Settings, "zone", property(lambda _: ZoneInfo("America/Denver")))
    shop.settings = shop.settings.model_copy(update={"time_zone": "America/Phoenix"})
    shop.scenario()
    shop.buyer("C1", "2024-03-08")
    return shop


@pytest.mark.parametrize("is_dry_run", [False, True])
def test_while_the_database_has_another_local_time_nothing_is_planned(unchanged_clocks: Shop, is_dry_run: bool):
    unchanged_clocks.at("2024-03-10 06:00")
    told = "nothing is planned: EKIDEN_TIME_ZONE America/Phoenix: .* differ from 2024-03-10 on; update the older one"
    with pytest.raises(ZoneDataDiffers, match=told):
        unchanged_clocks.plan("2024-03-09", dry_run=is_dry_run)
    assert unchanged_clocks.execute("select count(*) from outreach.runs") == [(0,)]


def test_until_it_has_another_local_time_it_is_only_told(unchanged_clocks: Shop):
    now = unchanged_clocks.at("2024-03-09 06:00")
    unchanged_clocks.plan()
    assert unchanged_clocks.row().state == "ready"
    told = coming_difference(unchanged_clocks.connection, now=now, settings=unchanged_clocks.settings)
    assert "differ from 2024-03-10 on" in str(told)


@pytest.mark.parametrize("today", ["2024-04-25", "2024-10-31"])
def test_a_midnight_that_is_skipped_or_comes_twice_is_no_difference(shop: Shop, today: str):
    shop.settings = shop.settings.model_copy(update={"time_zone": "Africa/Cairo"})
    shop.at(f"{today} 06:00")
    shop.scenario()
    shop.plan()
    assert coming_difference(shop.connection, now=shop.now, settings=shop.settings) is None


def test_a_zone_that_the_database_has_never_heard_of_is_told_and_ends_no_transaction(unchanged_clocks: Shop):
    unheard_of = unchanged_clocks.settings.model_copy(update={"time_zone": "America/Atlantis"})
    with unchanged_clocks.connection.transaction():
        told = coming_difference(unchanged_clocks.connection, now=unchanged_clocks.now, settings=unheard_of)
        assert unchanged_clocks.execute("select 1") == [(1,)]
    assert told == "EKIDEN_TIME_ZONE America/Atlantis: the database's zone data is older and has no such zone"
