"""`ekiden why` over the whole shop: the function's time and the whole command's, also for a thousand orders.

Belongs here: the order of the measurements and the figures. Does not belong here: explanations (`ekiden.insights`).
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from time import perf_counter

import psycopg

from ekiden.insights.moments import moment
from ekiden.insights.why import why
from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import BenchmarkFailed, Place, copy_project, scratch
from tests.benchmarks.scenarios import segments_read, twenty

TARGET = 1.0
REGULAR = "regular"
"""A customer with a thousand orders, as no generated one has."""
THOUSAND_ORDERS = """
insert into raw.customers (customer_id, registered_at) values ('regular', '2023-01-01');
insert into raw.orders
(order_id, customer_id, ordered_at, status, kind, payment_method, authorised_on, paid_on, shipped_on)
select 'r' || order_id, 'regular', ordered_at, status, kind, payment_method, authorised_on, paid_on, shipped_on
from raw.orders where status = 'shipped' order by md5(order_id) limit 1000;
insert into raw.order_lines (order_id, line_no, product_id, quantity, amount)
select orders.order_id, lines.line_no, lines.product_id, lines.quantity, lines.amount
from raw.orders as orders
inner join raw.order_lines as lines on lines.order_id = substr(orders.order_id, 2)
where orders.customer_id = 'regular';
"""
ASKED = ("first_order", "second_of_ten", "win_back", "readers_of_the_newsletter", "mixed")
"""Scenarios of every kind of condition."""


def run(size: shop.Size, report: Reporter) -> None:
    """Ask about the customers with the most and with a usual number of orders."""
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders")
        shop.make_shop(place.folder / "shop", size)
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
            connection.execute(THOUSAND_ORDERS)
        definitions = {name: definition for name, definition in twenty().items() if name in ASKED}
        place.build(copy_project(place.folder, definitions, segments=segments_read(definitions)))
        with place.connect() as connection:
            customers = _customers(connection)
            seconds = [_ask(place, connection, code, customer) for code in ASKED for customer in customers]
            of_regular = [_ask(place, connection, code, REGULAR) for code in ASKED]
        commands = [_run_command(place, code, customers[0]) for code in ASKED]
        commands_of_regular = [_run_command(place, code, REGULAR) for code in ASKED]
    report.figure("function_median_seconds", median(seconds), "s", TARGET)
    report.figure("function_slowest_seconds", max(seconds), "s", TARGET)
    report.figure("function_slowest_seconds_1000_orders", max(of_regular), "s", TARGET)
    for name, runs in (("command", commands), ("command_1000_orders", commands_of_regular)):
        report.figure(f"{name}_median_seconds", median([run.seconds for run in runs]), "s", TARGET)
        report.figure(f"{name}_slowest_seconds", max(run.seconds for run in runs), "s", TARGET)
        # without the server's: steadier than the wall's where the machine is shared
        report.figure(f"{name}_median_processor_seconds", median([run.processor for run in runs]), "s")


def _customers(connection: psycopg.Connection) -> list[str]:
    """Return the customer with the most orders, one in the middle and one without any."""
    ordered = connection.execute(
        "select customer_id from marts.customers where customer_id <> 'regular' order by orders desc, customer_id"
    ).fetchall()
    return [ordered[position][0] for position in (0, len(ordered) // 2, -1)]


def _ask(place: Place, connection: psycopg.Connection, code: str, customer: str) -> float:
    zone = place.settings.zone
    asked = moment(None, now=datetime.combine(shop.TODAY, time(9), zone).astimezone(UTC), zone=zone)
    began = perf_counter()
    why(connection, code, customer, asked, settings=place.settings)
    return perf_counter() - began


@dataclass(frozen=True)
class Run:
    """One run of a command: its wall time and its own processor time, in seconds."""

    seconds: float
    processor: float


def _run_command(place: Place, code: str, customer: str) -> Run:
    command = [Path(sys.executable).with_name("ekiden"), "why", code, customer, "--format", "json"]
    before = os.times()
    began = perf_counter()
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
    seconds = perf_counter() - began
    if done.returncode != 0:
        raise BenchmarkFailed(f"ekiden why failed:\n{done.stderr[-2000:]}")
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, spent)
