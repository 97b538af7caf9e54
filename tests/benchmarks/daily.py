"""The build of a morning with 0.1 % new orders, against the full build and against DuckDB's.

Belongs here: the order of the measurements and the figures. Does not belong here: either side's work (`sides`).
"""

from tests.benchmarks import shop
from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed
from tests.benchmarks.scenarios import twenty
from tests.benchmarks.sides import sides

OF_FULL = 0.03
OF_DUCKDB = 0.5


def run(size: shop.Size, report: Reporter) -> None:
    """Build, add the new orders, build again, and rebuild from nothing: the same rows, or the figures mean nothing."""
    with sides(size, twenty(), report) as both:
        report.note("full build")
        full = both.build_here()
        report.note(f"{size.new_orders:,} new orders, daily build")
        shop.make_new_orders(both.place.folder / "morning", size)
        both.load(both.place.folder / "morning")
        daily = both.build_here()
        built = both.checksums()
        idle = both.build_here()
        duckdb = both.build_in_duckdb()
        report.note("rebuild from nothing")
        both.build_here(full_refresh=True)
        rebuilt = both.checksums()
        if differing := sorted(name for name in built | rebuilt if built.get(name) != rebuilt.get(name)):
            raise BenchmarkFailed(f"the daily build left other rows than a full one in {', '.join(differing)}")
        both.assert_equal()
    report.figure("tables_equal_to_a_rebuild", len(built), "tables")
    for model in daily.tables:
        report.figure(f"{model.name}_seconds", model.seconds, "s")
    report.figure("full_engine_seconds", full.engine, "s")
    report.figure("daily_engine_seconds", daily.engine, "s")
    report.figure("nothing_new_engine_seconds", idle.engine, "s")
    report.figure("duckdb_seconds", duckdb.total, "s")
    report.figure("models_daily_to_full", daily.total / full.total, "ratio", OF_FULL)
    report.figure("engine_daily_to_full", daily.engine / full.engine, "ratio", OF_FULL)
    report.figure("wall_daily_to_full", daily.wall / full.wall, "ratio")
    report.figure("cpu_daily_to_full", daily.cpu / full.cpu, "ratio")
    report.figure("cpu_daily_to_duckdb", daily.cpu / duckdb.cpu, "ratio")
    report.figure("engine_daily_to_duckdb", daily.engine / duckdb.total, "ratio", OF_DUCKDB)
    report.figure("wall_daily_to_duckdb", daily.wall / duckdb.total, "ratio")
