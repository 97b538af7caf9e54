"""How the cost of a build and of a day grows, with the shop and with the number of scenarios.

Belongs here: the order of the measurements and the figures. Does not belong here: either's work (`place`, `planning`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter, exponent, median
from tests.benchmarks.place import Place, copy_project, scratch
from tests.benchmarks.planning import plan_today
from tests.benchmarks.scenarios import Definition, segments_read, twenty

TARGET = 1.05
SMALLER = 10
"""The smaller shop has a tenth of the customers and orders."""
COUNTS = (5, 10, 20, 40)
RUNS = 3


def run(size: shop.Size, report: Reporter) -> None:
    """Grow the shop tenfold with twenty scenarios, then the scenarios from five to forty in the smaller shop."""
    sizes = [replace(size, customers=size.customers // SMALLER, orders=size.orders // SMALLER), size]
    builds, days = [], []
    with _shop(sizes[0], report) as place:
        by_count = {count: _build_and_plan(place, _first(count), report) for count in COUNTS}
    for each in sizes:
        with _shop(each, report) as place:
            build, day = _build_and_plan(place, twenty(), report)
            builds.append(build)
            days.append(day)
    customers = [each.customers for each in sizes]
    for each, build, day in zip(sizes, builds, days, strict=True):
        report.figure(f"build_of_{each.customers}_customers", build, "s")
        report.figure(f"day_of_{each.customers}_customers", day, "s")
    report.figure("build_exponent_by_customers", exponent(customers, builds), "exponent", TARGET)
    report.figure("day_exponent_by_customers", exponent(customers, days), "exponent", TARGET)
    for count, (build, day) in by_count.items():
        report.figure(f"eligibility_of_{count}_scenarios", build, "s")
        report.figure(f"day_of_{count}_scenarios", day, "s")
    # the two ends hold the same scenarios in equal parts only from twenty on
    for name, position in (("build", 0), ("day", 1)):
        seconds = [by_count[count][position] for count in COUNTS[-2:]]
        report.figure(f"{name}_exponent_by_scenarios", exponent(COUNTS[-2:], seconds), "exponent", TARGET)


def _first(count: int) -> Mapping[str, Definition]:
    # the second twenty are about other products, as popular but for one place
    return dict([*twenty().items(), *twenty(shift=1).items()][:count])


@contextmanager
def _shop(size: shop.Size, report: Reporter) -> Iterator[Place]:
    with scratch() as place:
        report.note(f"a shop of {size.customers:,} customers and {size.orders:,} orders")
        shop.make_shop(place.folder / "shop", size)
        with place.connect() as connection:
            shop.load_postgres(connection, place.folder / "shop")
        yield place


def _build_and_plan(place: Place, definitions: Mapping[str, Definition], report: Reporter) -> tuple[float, float]:
    """Return the seconds of the tables' build and of finding one day's candidates."""
    report.note(f"{len(definitions)} scenarios")
    project = copy_project(place.folder, definitions, segments=segments_read(definitions))
    engine = place.build(project, full_refresh=True).engine
    return engine, median([plan_today(place.settings).engine for _ in range(RUNS)])
