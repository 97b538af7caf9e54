"""Made-up people: name lists, and draws that come out the same for the same identifier on every machine.

Belongs here: what the demo invents about a person, as lists and draws. Does not belong here: which column it
goes to (`customers`).
"""

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml

DRAWS = 8
"""Draws per identifier and purpose: one BLAKE2b digest of 64 bytes holds eight of 8 bytes."""

FEMALE = 0.5
"""Share of the people who are female."""


def draws(purpose: str, identifiers: Iterable[str]) -> npt.NDArray[np.float64]:
    """Return `DRAWS` numbers in [0, 1) for each identifier, always the same for the same purpose."""
    digests = b"".join(hashlib.blake2b(f"{purpose}:{identifier}".encode()).digest() for identifier in identifiers)
    # 53 bits are what a double holds exactly, so that no draw rounds up to 1
    bits = np.frombuffer(digests, dtype="<u8").reshape(-1, DRAWS) >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def pick(draw: npt.NDArray[np.float64], shares: dict[str, float]) -> npt.NDArray[np.object_]:
    """Return for each draw one of the keys of `shares`, which add up to 1, in their proportion."""
    edges = np.cumsum(list(shares.values()))
    chosen = np.minimum(np.searchsorted(edges, draw, side="right"), len(shares) - 1)
    return np.array(list(shares), dtype=object)[chosen]


@dataclass(frozen=True)
class Person:
    """A name as the customer writes it, in ASCII for an address, and a gender that goes with it."""

    family_name: str
    given_name: str
    mailbox: str
    gender: str


@dataclass(frozen=True)
class _Culture:
    share: float
    families: tuple[str, ...]
    female: tuple[str, ...]
    male: tuple[str, ...]


@cache
def _cultures() -> tuple[_Culture, ...]:
    listed = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))["cultures"]
    return tuple(
        _Culture(
            culture["share"],
            tuple(culture["families"].split()),
            tuple(culture["female"].split()),
            tuple(culture["male"].split()),
        )
        for culture in listed
    )


def person(draw: npt.NDArray[np.float64]) -> Person:
    """Return the person that four draws (culture, family, given, gender) make."""
    cultures = _cultures()
    edges = np.cumsum([culture.share for culture in cultures])
    culture = cultures[min(int(np.searchsorted(edges, draw[0], side="right")), len(cultures) - 1)]
    gender = "female" if draw[3] < FEMALE else "male"
    family, family_spelt = _written_and_spelt(culture.families, draw[1])
    given, given_spelt = _written_and_spelt(culture.female if gender == "female" else culture.male, draw[2])
    return Person(family, given, f"{given_spelt}.{family_spelt}", gender)


def _written_and_spelt(names: tuple[str, ...], draw: float) -> tuple[str, str]:
    written, _, spelt = names[int(draw * len(names))].partition("/")
    plain = unicodedata.normalize("NFKD", spelt or written).encode("ascii", "ignore").decode()
    return written, "".join(character for character in plain.lower() if character.isalpha())
