"""The demo's shop: its settings and its data, put into a home of its own.

Belongs here: what is done once per home. Does not belong here: how the data is made (`ekiden.demo`) or loaded
(`ekiden.raw`).
"""

import json
import os
import tomllib
from datetime import datetime
from pathlib import Path

from psycopg import Connection
from rich.console import Console

from ekiden.database.connection import connect
from ekiden.demo.complete_journey import write_shop
from ekiden.raw.load import LoadProgress, load
from ekiden.settings import SETTINGS_FILE, HomeSettings, Settings
from orchestration.demo_progress import timed
from orchestration.instance import HomeUnusable

SHOP_SETTINGS = """\
time_zone = "America/New_York"
name_order = "given_first"
channel = "outbox"
"""
"""Where the data set's shop stands and how names are written there; its customers are made up, so no mail of theirs may
reach a provider."""

MARK = "demo.json"
"""In a home: the demo lives here, and on which day its data was made."""


class HomeInUse(RuntimeError):
    """The home belongs to another shop."""


def prepare_settings() -> Settings:
    """Return the settings; the shop's own are written into the home's settings file if it names no time zone.

    Raises `HomeUnusable`, and what `Settings` raises.
    """
    home = HomeSettings().home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(home, error) from error
    # a file that says something wrong is refused in its own words, and nothing is written into it
    Settings()
    file = home / SETTINGS_FILE
    text = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    if "time_zone" not in tomllib.loads(text) and "EKIDEN_TIME_ZONE" not in os.environ:
        # at the top, where a key belongs to no table
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(f"{SHOP_SETTINGS}\n{text}", encoding="utf-8")
        unfinished.replace(file)
    return Settings()


def load_shop(settings: Settings, console: Console) -> None:
    """Make and load the shop's data, once per home: moved again another day, every order would change its date.

    Raises `HomeInUse` where another shop's orders are.
    """
    mark = settings.home / MARK
    with connect(settings, autocommit=True) as connection:
        has_orders = _has_orders(connection)
    if has_orders and not mark.exists():
        raise HomeInUse(
            f"{settings.home} already holds a shop's orders; run the demo elsewhere, like EKIDEN_HOME=.ekiden-demo"
        )
    if has_orders:
        made_on = json.loads(mark.read_text(encoding="utf-8"))["made_on"]
        console.print(f"  the shop's orders are here already, moved so that the last is of the day before {made_on}")
        return
    today = datetime.now(settings.zone).date()
    mark.write_text(json.dumps({"made_on": today.isoformat()}), encoding="utf-8")
    folder = settings.home / "demo" / "shop"
    title = "make the shop's files: Complete Journey, 155,848 orders of one year, moved to end yesterday"
    with timed(console, title):
        write_shop(folder, today)
    _load(settings, folder, console)


def _load(settings: Settings, folder: Path, console: Console) -> None:
    said: set[tuple[str, str]] = set()

    def tell(progress: LoadProgress) -> None:
        # one line for each file and stage: a log shows it as well as a terminal
        if (key := (progress.file, progress.stage.value)) not in said:
            said.add(key)
            console.print(f"    [dim]{progress.stage.value} {progress.file}[/]")

    with timed(console, "load the shop's files (ekiden load)"), connect(settings) as connection:
        load(connection, folder, settings.zone, tell)


def _has_orders(connection: Connection) -> bool:
    row = connection.execute("select exists (select from raw.orders)").fetchone()
    return bool(row and row[0])
