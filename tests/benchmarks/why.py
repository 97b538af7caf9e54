"""`ekiden why` over the whole shop: the function's time and the whole command's.

Belongs here: the order of the measurements and the figures. Does not belong here: explanations (`ekiden.insights`).
"""

import subprocess
import sys
from datetime import UTC, datetime, time
from pathlib import Path
from time import perf_counter

import psycopg

from ekiden.insights.built import asked_scenario
from ekiden.insights.explanation import explain
from ekiden.insights.explanation_evidence import read_evidence
from ekiden.insights.moments import moment
from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import BenchmarkFailed, Place, copy_project, scratch
from tests.benchmarks.scenarios import segments_read, twenty

TARGET = 1.0
ASKED = ("first_order", "second_of_ten", "win_back", "readers_of_the_newsletter", "mixed")
"""Scenarios of every kind of condition."""


def run(size: shop.Size, report: Reporter) -> None:
    """Ask about the customers with the most and with a usual number of orders."""
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders")
        shop.make_shop(place.folder / "shop", size)
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
        definitions = {name: definition for name, definition in twenty().items() if name in ASKED}
        place.build(copy_project(place.folder, definitions, segments=segments_read(definitions)))
        with place.connect() as connection:
            customers = _customers(connection)
            seconds = [_ask(place, connection, code, customer) for code in ASKED for customer in customers]
        commands = [_run_command(place, code, customers[0]) for code in ASKED]
    report.figure("function_median_seconds", median(seconds), "s", TARGET)
    report.figure("function_slowest_seconds", max(seconds), "s", TARGET)
    report.figure("command_median_seconds", median(commands), "s", TARGET)
    report.figure("command_slowest_seconds", max(commands), "s")


def _customers(connection: psycopg.Connection) -> list[str]:
    """Return the customer with the most orders, one in the middle and one without any."""
    ordered = connection.execute("select customer_id from marts.customers order by orders desc, customer_id").fetchall()
    return [ordered[position][0] for position in (0, len(ordered) // 2, -1)]


def _ask(place: Place, connection: psycopg.Connection, code: str, customer: str) -> float:
    zone = place.settings.zone
    asked = moment(None, now=datetime.combine(shop.TODAY, time(9), zone).astimezone(UTC), zone=zone)
    began = perf_counter()
    found = asked_scenario(connection, code)
    explain(found, read_evidence(connection, found, customer), asked, zone)
    return perf_counter() - began


def _run_command(place: Place, code: str, customer: str) -> float:
    command = [Path(sys.executable).with_name("ekiden"), "why", code, customer, "--format", "json"]
    began = perf_counter()
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkFailed(f"ekiden why failed:\n{done.stderr[-2000:]}")
    return perf_counter() - began
