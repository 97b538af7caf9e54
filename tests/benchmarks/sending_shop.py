"""A shop in which every customer is due one message at the same time, as after a campaign's purchase.

Belongs here: the facts, by SQL, the scenario, and the plan that leaves one ready row each. Does not belong here:
sending.
"""

from datetime import datetime, time, timedelta
from typing import Any

import psycopg

from ekiden.schedule.planning.plan import plan
from ekiden.schedule.runs import RunContext
from ekiden.settings import Settings
from tests.benchmarks.place import BenchmarkFailed, Place, copy_project
from tests.benchmarks.shop import TODAY

DUE_AT = time(10, 0)
BENCHMARK = RunContext("benchmark")

FACTS = """
insert into raw.products (product_id, product_name, price) values
('tea', 'Sencha from Uji, 100 g', 1200), ('pot', 'Tea pot from Tokoname', 4800), ('cup', 'Two cups from Arita', 3200);
insert into raw.customers (customer_id, registered_at, family_name, given_name, email)
select
    'c' || lpad(number::text, 8, '0'), %(bought)s::timestamptz - interval '1 year', '山田', '花子' || number,
    'customer' || number || '@shop.example'
from generate_series(1, %(customers)s) as numbers (number);
insert into raw.orders (order_id, customer_id, ordered_at)
select 'o' || lpad(number::text, 8, '0'), 'c' || lpad(number::text, 8, '0'), %(bought)s::timestamptz
from generate_series(1, %(customers)s) as numbers (number);
insert into raw.order_lines (order_id, line_no, product_id, quantity)
select 'o' || lpad(number::text, 8, '0'), line.line_no, line.product_id, 1
from generate_series(1, %(customers)s) as numbers (number)
cross join (values (1, 'tea'), (2, 'cup')) as line (line_no, product_id);
"""

MOVE = """
set session_replication_role = replica;
update outreach.schedule_rows set planned_send_at = %(due)s, send_at = %(due)s where state = 'ready';
reset session_replication_role;
"""
"""With triggers off: nothing has become of these rows, they are as if planned for then."""


def due_at(settings: Settings) -> datetime:
    """Return the instant at which every message is due."""
    return datetime.combine(TODAY, DUE_AT, settings.zone)


def fill(place: Place, customers: int, content: str, *, due: datetime, planned_at: datetime) -> None:
    """Load the facts, build one scenario of two steps, and plan the local day of `due`; one row each is ready then.

    Both are aware, to the minute and of one local day; `planned_at` is what the clock says while the day is planned.
    """
    due = due.astimezone(place.settings.zone)
    bought = due - timedelta(days=3)
    with place.connect() as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(FACTS.encode(), {"customers": customers, "bought": bought})
    steps = [
        {"offset_days": days, "send_time": f"{due:%H:%M}", "content": content, "channel": "html_email"}
        for days in (3, 10)
    ]
    definition: dict[str, Any] = {
        "code": "tea_then_pot",
        "name": "A pot for who bought tea",
        "status": "enabled",
        "anchor": "ordered",
        "target": {"frames": [{"type": "product", "codes": ["tea"]}]},
        "stop": {"frames": [{"type": "product", "codes": ["pot"]}]},
        "steps": steps,
    }
    place.build(copy_project(place.folder, {"tea_then_pot": definition}, segments={}))
    with place.connect() as connection:
        day = due.date()
        plan(connection, day, day, now=planned_at, settings=place.settings, context=BENCHMARK)
        connection.execute("vacuum analyze")
        row = connection.execute("select count(*) from outreach.schedule_rows where state = 'ready'").fetchone()
    if row is None or row[0] != customers:
        raise BenchmarkFailed(f"{row and row[0]} rows are ready, there should be {customers}")


def move(place: Place, due: datetime) -> None:
    """Make everything that is ready due at another instant of its local day.

    For who must know the instant to the second: how long the build and the plan take, nobody knows beforehand.
    """
    with place.connect() as connection, psycopg.ClientCursor(connection) as cursor:
        cursor.execute(MOVE.encode(), {"due": due})
        connection.execute("vacuum analyze outreach.schedule_rows")
