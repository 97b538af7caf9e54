"""The demo's customers: real households under made-up names.

Belongs here: the columns of `customers`. Does not belong here: orders (`orders`).
"""

import json
from collections.abc import Hashable, Mapping
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ekiden.demo.calendar import instant
from ekiden.demo.names import draws, person, pick

DOMAIN = "demo.invalid"
"""What all addresses end in: no such domain can ever exist (RFC 2606)."""

SITE_SHARES = {"https://shop.demo.invalid/": 0.8, "https://m.shop.demo.invalid/": 0.2}

KNOWN_FIELDS = ("age", "income", "home_ownership", "marital_status", "household_size", "kids_count")
"""What the data set knows of about a third of the households; goes to `custom_fields` as it is."""

AGES = {"19-24": (19, 24), "25-34": (25, 34), "35-44": (35, 44), "45-54": (45, 54), "55-64": (55, 64)}
OLDEST_BAND, ADULTS = (65, 84), (19, 84)

NEWSLETTER_SHARES = {"both": 0.85, "pc": 0.05, "mobile": 0.05, "none": 0.05}
DUPLICATE_SHARES = {"confirmed": 0.992, "unconfirmed": 0.005, "on_hold": 0.003}
WITHOUT_ADDRESS = 0.01
WITH_SECOND_ADDRESS = 0.1
REGISTERED_BEFORE = (1, 700)
"""Days between registration and first order, at least and at most."""


def customers(households: pd.DataFrame, last_day: date) -> pd.DataFrame:
    """Return the raw table `customers` of the households; ages are those on `last_day`."""
    identifiers = households["household_id"].tolist()
    named, other, more = (draws(purpose, identifiers) for purpose in ("name", "account", "contact"))
    people = [person(row) for row in named]
    domains = [f"household-{identifier}.{DOMAIN}" for identifier in identifiers]
    addresses = [f"{someone.mailbox}@{domain}" for someone, domain in zip(people, domains, strict=True)]
    return pd.DataFrame(
        {
            "customer_id": identifiers,
            "registered_at": instant(_registered_at(households["first_order_at"], other[:, 0], other[:, 1])),
            "family_name": [someone.family_name for someone in people],
            "given_name": [someone.given_name for someone in people],
            "email": _some(addresses, more[:, 0] >= WITHOUT_ADDRESS),
            "email_2": _some([f"mobile@{domain}" for domain in domains], more[:, 1] < WITH_SECOND_ADDRESS),
            # 555-0100 to 555-0199 are kept free for fiction by the North American Numbering Plan
            "phone": [f"212-555-01{int(draw * 100):02d}" for draw in more[:, 2]],
            "postal_code": [f"{10001 + int(draw * 282)}" for draw in more[:, 3]],
            "address": [f"{1 + int(draw * 400)} Sample Street, Sample City" for draw in more[:, 4]],
            "gender": [someone.gender for someone in people],
            "birth_date": _birth_dates(households["age"], last_day, other[:, 2], other[:, 3]),
            "newsletter_status": pick(other[:, 4], NEWSLETTER_SHARES),
            "duplicate_status": pick(other[:, 5], DUPLICATE_SHARES),
            "access_url": pick(other[:, 6], SITE_SHARES),
            "member_rank": pick(other[:, 7], {"regular": 0.7, "silver": 0.2, "gold": 0.1}),
            "last_login_at": instant(households["last_order_at"]),
            "custom_fields": [_known(row) for row in households[list(KNOWN_FIELDS)].to_dict("records")],
        }
    )


def _registered_at(
    first_order_at: "pd.Series[pd.Timestamp]", days: np.ndarray, hour: np.ndarray
) -> "pd.Series[pd.Timestamp]":
    least, most = REGISTERED_BEFORE
    before = pd.to_timedelta(least + np.floor(days * (most - least + 1)), unit="D")
    # between 8:00 and 22:00, to the minute
    at = pd.to_timedelta(8 * 60 + np.floor(hour * 14 * 60), unit="min")
    return first_order_at.dt.normalize() - before + at  # type: ignore[no-any-return]


def _birth_dates(bands: "pd.Series[str]", last_day: date, years: np.ndarray, days: np.ndarray) -> list[date]:
    born = []
    for band, year, day in zip(bands, years, days, strict=True):
        youngest, oldest = AGES.get(band, OLDEST_BAND if band == "65+" else ADULTS)
        age = youngest + int(year * (oldest - youngest + 1))
        # the first of the month keeps 29 February out of the arithmetic; 0 to 333 days keep the age
        start = last_day.replace(year=last_day.year - age, day=1)
        born.append(start - timedelta(days=int(day * 334)))
    return born


def _known(fields: Mapping[Hashable, object]) -> str | None:
    known = {name: value for name, value in fields.items() if isinstance(value, str)}
    return json.dumps(known, sort_keys=True) if known else None


def _some(values: list[str], kept: np.ndarray) -> list[str | None]:
    return [value if keep else None for value, keep in zip(values, kept, strict=True)]
