"""One day's audience of all scenarios against django-drip-campaigns, on the same orders in the same PostgreSQL.

Belongs here: the order of the measurements and the figures. Does not belong here: either side's work.
"""

import subprocess
import sys
from time import perf_counter

from ekiden.database.connection import connection_parts, database_url
from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, median
from tests.benchmarks.place import BenchmarkFailed, Place, ask_peer, copy_project, scratch
from tests.benchmarks.planning import plan_today
from tests.benchmarks.scenarios import drips

TARGETS = {1_000_000: 0.41, 10_000_000: 0.13}
"""By orders: what tuned SQL needs of django-drip's time."""
RUNS = 3


def run(size: shop.Size, report: Reporter) -> None:
    """Compare the due sets, which must be equal, and then the times, each side in turn."""
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders, and three scenarios")
        shop.make_shop(place.folder / "shop", size)
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
        place.build(copy_project(place.folder, drips(), segments={}))
        with place.connect() as connection:
            connection.execute("vacuum analyze")
        report.note("the same in Django")
        _ask_drips(place, "make")
        ours, theirs = plan_today(place.settings), _ask_drips(place, "find")
        if ours.due != theirs["due"]:
            counts = {name: (len(ours.due.get(name, [])), len(due)) for name, due in theirs["due"].items()}
            raise BenchmarkFailed(f"other customers are due: here and in Django {counts}")
        report.note("the same customers are due; now the times")
        times: dict[str, list[float]] = {name: [] for name in ("engine", "plan", "process", "drip", "drip_process")}
        for _ in range(RUNS):
            planned = plan_today(place.settings)
            times["engine"].append(planned.engine)
            times["plan"].append(planned.whole)
            times["process"].append(_seconds_of_a_process(place))
            began = perf_counter()
            times["drip"].append(_ask_drips(place, "find")["seconds"])
            times["drip_process"].append(perf_counter() - began)
    middle = {name: median(seconds) for name, seconds in times.items()}
    report.figure("due_customers_equal", sum(map(len, ours.due.values())), "customers")
    for name, seconds in middle.items():
        report.figure(f"{name}_seconds", seconds, "s")
    report.figure("engine_to_django_drip", middle["engine"] / middle["drip"], "ratio", TARGETS.get(size.orders))
    report.figure("whole_plan_to_django_drip", middle["plan"] / middle["drip"], "ratio")
    report.figure("end_to_end_to_django_drip", middle["process"] / middle["drip_process"], "ratio")


def _ask_drips(place: Place, action: str) -> dict[str, object]:
    parts = connection_parts(database_url(place.settings))
    address = {"HOST": parts.host, "PORT": parts.port, "USER": parts.user, "PASSWORD": parts.password}
    request = {"do": action, "today": shop.TODAY.isoformat(), "database": {**address, "NAME": parts.database}}
    return dict(ask_peer("drips.py", request))


def _seconds_of_a_process(place: Place) -> float:
    began = perf_counter()
    command = [sys.executable, "-m", "tests.benchmarks.planning"]
    done = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkFailed(f"planning failed:\n{done.stderr[-2000:]}")
    return perf_counter() - began
