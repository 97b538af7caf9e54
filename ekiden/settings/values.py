"""How a setting is written: what is checked and filled in when it is read. No setting is here."""

import json
from datetime import time, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def with_unit(value: object) -> object:
    """Return `value`; raises `ValueError` for a number alone, as the settings file may hold: six what?"""
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit; write it like PT6H, PT30M or P2D, in quotes")
    return value


HasUnit = BeforeValidator(with_unit)
LONGEST = timedelta(days=36_500)
"""A century: as good as for ever, and so long ago is still a date."""
Duration = Annotated[timedelta, Field(ge=timedelta(), le=LONGEST), HasUnit]
"""How long something takes or waits; at once, at least."""


WITHOUT_SUMMER_TIME = {"CET", "EET", "MET", "WET"}
"""IANA time zones whose names PostgreSQL takes for abbreviations, winter time all year; Python and Dagster do not."""


def known_time_zone(name: str) -> str:
    """Return `name`, an IANA time zone that means the same everywhere; raises `ValueError` for any other."""
    if name in WITHOUT_SUMMER_TIME:
        raise ValueError(f"{name!r} has no summer time in PostgreSQL; write it like 'Europe/Berlin'")
    # Debian lists its machine's own zone among them, which PostgreSQL does not know
    if name not in available_timezones() - {"localtime"}:
        raise ValueError(f"{name!r} is not an IANA time zone; write it like 'Asia/Tokyo'")
    return name


def local_time(value: time) -> time:
    """Return `value`, a time of the shop's; raises `ValueError` where it names a zone of its own."""
    if value.tzinfo is not None:
        raise ValueError("is the shop's local time: write it like 06:00, and EKIDEN_TIME_ZONE for its zone")
    return value


def absolute_in_project(path: Path) -> Path:
    """Return `path`, a relative one read from the project's root, so that every process means one folder."""
    return path if path.is_absolute() else PROJECT_ROOT / path


def is_this_machine(host: str) -> bool:
    """Return whether a host's name or address is loopback's: nothing sent there leaves the house."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def encrypted_outside(url: HttpUrl) -> HttpUrl:
    """Return `url`; raises `ValueError` where keys and messages would travel to another machine unencrypted."""
    if url.scheme == "http" and not is_this_machine(url.host or ""):
        raise ValueError("keys and messages would travel unencrypted; write it with https://")
    return url


ProviderUrl = Annotated[HttpUrl, AfterValidator(encrypted_outside)]
"""Where a provider is asked; a test server may be asked without TLS, on this machine."""


def web_address(value: str) -> str:
    """Return `value`, a page's address or nothing; raises `ValueError` for one without scheme or host."""
    parts = urlsplit(value)
    if value and not (parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError(f"{value!r} is no page's address; write it like https://dagster.shop.example")
    return value


def listed(value: object) -> object:
    """Return the words of `a,b`, as the environment holds several; anything else as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def mapped(value: object) -> object:
    """Return what the environment holds as a JSON object; anything else as it is. Raises `ValueError`."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError('cannot be read; write it like {"123": "shop.example"}') from None
