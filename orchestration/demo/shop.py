"""The demo's shop: its settings and its data, put into a home of its own.

Belongs here: what is done once per home. Does not belong here: how the data is made (`ekiden.demo`) or loaded
(`ekiden.raw`).
"""

import json
import os
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection, sql
from rich.console import Console

from ekiden.database.connection import connect
from ekiden.database.statements import statement
from ekiden.demo.complete_journey import write_shop
from ekiden.demo.customers import DOMAIN
from ekiden.errors import SaysEnough
from ekiden.raw.load import LoadProgress, load
from ekiden.settings import SETTINGS_FILE, HomeSettings, Settings
from ekiden.settings.shop import RAW_SCHEMA
from orchestration.demo.progress import timed
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


class HomeInUse(SaysEnough, RuntimeError):
    """The home or its database belongs to another shop."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"{found}, and the demo would plan, release and send in it; nothing was changed. Run it elsewhere: "
            "EKIDEN_HOME=.ekiden-demo, EKIDEN_RAW_SCHEMA unset, EKIDEN_DATABASE_URL unset or naming an empty database"
        )


def present_settings() -> Settings:
    """Return the settings as they are, in a home that is there.

    Raises `HomeUnusable`, and what `Settings` raises.
    """
    home = HomeSettings().home
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(home, error) from error
    return Settings()


def refuse_another_shop(settings: Settings) -> None:
    """Raise `HomeInUse` unless the database is empty or the demo's, and this home the one it was made in.

    To be asked before anything is changed. The mark alone says nothing of the database, which a variable may name; that
    all customers have an address of the demo's is the mark in there.
    """
    if settings.raw_schema != RAW_SCHEMA:
        raise HomeInUse(f"the tables of a shop are in the schema {settings.raw_schema} (EKIDEN_RAW_SCHEMA)")
    with connect(settings, autocommit=True) as connection:
        if _has(connection, "raw.orders"):
            is_made_here = (settings.home / MARK).exists() and _has_none_but_made_up_customers(connection)
        else:
            is_made_here = not _has(connection, "raw.customers") and not _has(connection, "outreach.schedule_rows")
        if not is_made_here:
            name = connection.info.dbname
            raise HomeInUse(f'the database "{name}" holds a shop\'s data that the demo did not make in {settings.home}')


def prepare_settings() -> Settings:
    """Return the settings; the shop's own are written into the home's settings file if it names no time zone.

    Raises `HomeUnusable`, and what `Settings` raises.
    """
    # a file that says something wrong is refused in its own words, and nothing is written into it
    home = present_settings().home
    file = home / SETTINGS_FILE
    text = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    if "time_zone" not in tomllib.loads(text) and "EKIDEN_TIME_ZONE" not in os.environ:
        # at the top, where a key belongs to no table
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text(f"{SHOP_SETTINGS}\n{text}", encoding="utf-8")
        unfinished.replace(file)
    return Settings()


def load_shop(settings: Settings, console: Console) -> None:
    """Make and load the shop's data, once per home: moved again another day, every order would change its date."""
    mark = settings.home / MARK
    with connect(settings, autocommit=True) as connection:
        has_orders = _has(connection, "raw.orders")
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


def _has(connection: Connection[Any], table: str) -> bool:
    """Return whether a table has rows; one that no migration has made yet has none."""
    found = connection.execute("select to_regclass(%s) is not null", [table]).fetchone()
    if found != (True,):
        return False
    rows = sql.SQL("select exists (select from {})").format(sql.Identifier(*table.split(".")))
    return connection.execute(rows).fetchone() == (True,)


def _has_none_but_made_up_customers(connection: Connection[Any]) -> bool:
    parameters = {"made_up": f"%.{DOMAIN}"}
    found = connection.execute(statement(__file__, "has_only_made_up_customers"), parameters).fetchone()
    return found == (True,)
