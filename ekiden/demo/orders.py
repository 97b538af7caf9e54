"""The demo's orders: real baskets with made-up payments, shipments, cancellations and returns.

Belongs here: the columns of `orders`, `order_lines` and `payment_methods`. Does not belong here: customers.
"""

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from ekiden.demo.calendar import instant
from ekiden.demo.customers import SITE_SHARES
from ekiden.demo.names import draws, pick

CARD, BANK_TRANSFER, CASH_ON_DELIVERY, POINTS = "card", "bank_transfer", "cash_on_delivery", "points"
PAYMENT_SHARES = {CARD: 0.7, BANK_TRANSFER: 0.12, CASH_ON_DELIVERY: 0.13, POINTS: 0.05}
STATUS_SHARES = {"delivered": 0.972, "cancelled": 0.018, "returned": 0.01}
WITH_DESIRED_DELIVERY = 0.4

Days = npt.NDArray[np.float64]


def orders(baskets: pd.DataFrame, last_day: date) -> pd.DataFrame:
    """Return the raw table `orders`; what would have happened after `last_day` has not happened yet.

    A desired delivery is a wish, not a fact, and may lie after `last_day`.
    """
    paying, later = (draws(purpose, baskets["order_id"]) for purpose in ("payment", "aftermath"))
    method = pick(paying[:, 0], PAYMENT_SHARES)
    day = baskets["ordered_at"].dt.normalize()
    end = pd.Timestamp(last_day)

    # a transfer takes one to four days and comes before the shipment; cash comes a day or two after it
    transfer = _whole_days(paying[:, 1], 1, 4)
    shipped_after = _whole_days(paying[:, 2], 0, 2) + np.where(method == BANK_TRANSFER, transfer, 0)
    cash_after = shipped_after + _whole_days(paying[:, 3], 1, 2)
    paid_after = np.select(
        [method == CARD, method == BANK_TRANSFER, method == CASH_ON_DELIVERY],
        [shipped_after, transfer, cash_after],
        0,
    )
    wanted_after = np.where(paying[:, 4] < WITH_DESIRED_DELIVERY, shipped_after + 2, np.nan)

    status, ended_at = _endings(baskets["ordered_at"], shipped_after, later, end)
    cancelled = status == "cancelled"
    authorised_after = np.where(np.isin(method, [CARD, POINTS]), 0, np.nan)
    return pd.DataFrame(
        {
            "order_id": baskets["order_id"],
            "customer_id": baskets["household_id"],
            "ordered_at": instant(baskets["ordered_at"]),
            "status": status,
            "cancelled_at": instant(ended_at),
            "kind": "one_off",
            "payment_method": method,
            "authorised_on": _happened(day, authorised_after, end),
            "paid_on": _happened(day, np.where(cancelled, np.nan, paid_after), end),
            "shipped_on": _happened(day, np.where(cancelled, np.nan, shipped_after), end),
            "desired_delivery_on": (day + pd.to_timedelta(wanted_after, unit="D")).dt.date,
            "access_url": pick(later[:, 3], SITE_SHARES),
            "amount": baskets["amount"],
        }
    )


def order_lines(lines: pd.DataFrame) -> pd.DataFrame:
    """Return the raw table `order_lines`."""
    return lines[["order_id", "line_no", "product_id", "quantity", "amount"]]


def payment_methods() -> pd.DataFrame:
    """Return the raw table `payment_methods`."""
    rows = [
        (CARD, "other", "show"),
        (BANK_TRANSFER, "other", "show"),
        (CASH_ON_DELIVERY, "other", "hide"),
        (POINTS, "points", "show"),
    ]
    return pd.DataFrame(rows, columns=["payment_method", "method_type", "paid_display"])


def _endings(
    ordered_at: "pd.Series[pd.Timestamp]", shipped_after: Days, draw: Days, end: pd.Timestamp
) -> "tuple[npt.NDArray[np.object_], pd.Series[pd.Timestamp]]":
    """Return the status of each order and when it was cancelled or returned."""
    status = pick(draw[:, 0], STATUS_SHARES)
    # cancelled within twelve hours, before anything is shipped; returned three to twelve days after that
    hours = np.select(
        [status == "cancelled", status == "returned"],
        [0.25 + draw[:, 1] * 11.75, (shipped_after + 3 + np.floor(draw[:, 1] * 10)) * 24.0],
        np.nan,
    )
    ended_at = (ordered_at + pd.to_timedelta(hours, unit="h")).dt.floor("s")
    to_come = ended_at >= end + pd.Timedelta(days=1)
    shipped = ordered_at.dt.normalize() + pd.to_timedelta(shipped_after, unit="D") <= end
    status[to_come | (status == "delivered")] = "delivered"
    status[~shipped & (status == "delivered")] = "new"
    return status, ended_at.mask(to_come)


def _happened(day: "pd.Series[pd.Timestamp]", after: Days, end: pd.Timestamp) -> "pd.Series[date]":
    """Return the local dates so many days after `day`, empty where that is after `end` or not at all."""
    dates = day + pd.to_timedelta(after, unit="D")
    return dates.mask(dates > end).dt.date


def _whole_days(draw: Days, least: int, most: int) -> Days:
    return least + np.floor(draw * (most - least + 1))
