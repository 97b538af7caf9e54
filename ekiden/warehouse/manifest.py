"""dbt's manifest, read whole.

Belongs here: reading it while others may write it. Does not belong here: making it (`parsing`), or what is in it
(`freshness`, and the assets in Dagster).
"""

import json
import time
from pathlib import Path
from typing import Any

from ekiden.errors import SaysEnough

WRITING_PATIENCE = 30.0
"""Seconds for another process to write a manifest: it takes less than one, many times that under load."""
WRITING_PAUSE = 0.2
"""Seconds between two looks."""


class ManifestTorn(SaysEnough):
    """A manifest is not whole, and nobody is writing it: a build ended in the middle, as where a disk is full."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not whole: a build ended while it wrote it. `ekiden build` makes it anew")


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest: dbt writes it in place, at each build, and another process may do so while this one reads.

    Raises `FileNotFoundError`, and `ManifestTorn` where it does not become whole.
    """
    deadline = time.monotonic() + WRITING_PATIENCE
    while True:
        try:
            manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            if time.monotonic() > deadline:
                raise ManifestTorn(path) from None
            time.sleep(WRITING_PAUSE)
        else:
            return manifest
