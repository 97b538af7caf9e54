"""The demo's clock: the data set's timestamps as local wall times, moved to end yesterday.

Belongs here: time zones and the shift. Does not belong here: any column.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

SHOP_ZONE = ZoneInfo("America/New_York")
"""The data set's timestamps are UTC of this zone: read so, the quietest hours are 3:00 to 6:00 in every month;
read as they stand, they are 8:00 to 11:00 in January and 7:00 to 10:00 in July."""


def local_wall_time(utc: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """Return naive UTC timestamps as naive wall times of the shop."""
    return utc.dt.tz_localize("UTC").dt.tz_convert(SHOP_ZONE).dt.tz_localize(None)


def shift_to_yesterday(last_day: date, today: date) -> timedelta:
    """Return the whole number of days that moves `last_day` to the day before `today`."""
    return today - timedelta(days=1) - last_day


def instant(wall_time: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """Return the instants of wall times of the shop.

    A time that a clock change skips is an hour later, one that comes twice is the second: what `load` and
    PostgreSQL make of such times too.
    """
    return wall_time.dt.tz_localize(
        SHOP_ZONE,
        ambiguous=np.zeros(len(wall_time), dtype=bool),
        nonexistent=pd.Timedelta(hours=1),
    ).dt.tz_convert("UTC")
