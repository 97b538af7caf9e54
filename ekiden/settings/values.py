"""How a setting is written: what is checked and filled in when it is read. No setting is here."""

from pathlib import Path
from zoneinfo import available_timezones

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def known_time_zone(name: str) -> str:
    """Return `name`, an IANA time zone; raises `ValueError` for any other."""
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone; write it like 'Asia/Tokyo'")
    return name


def absolute_in_project(path: Path) -> Path:
    """Return `path`, a relative one read from the project's root, so that every process means one folder."""
    return path if path.is_absolute() else PROJECT_ROOT / path


def listed(value: object) -> object:
    """Return the words of `a,b`, as the environment holds several; anything else as it is."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value
