"""The full build by dbt in PostgreSQL against DuckDB building the same tables from its own storage.

Belongs here: the order of the measurements and the figures. Does not belong here: either side's work (`sides`).
"""

from tests.benchmarks.measures import Reporter
from tests.benchmarks.scenarios import twenty
from tests.benchmarks.shop import Size
from tests.benchmarks.sides import sides

TARGET = 5.0
"""A plain PostgreSQL build of these tables takes 7 to 8 times as long as DuckDB's."""


def run(size: Size, report: Reporter) -> None:
    """Build on both sides, DuckDB before and after PostgreSQL; every eligibility row must be the same."""
    with sides(size, twenty(), report) as both:
        report.note("building in DuckDB")
        before = both.build_in_duckdb()
        report.note("building by dbt")
        build = both.build_here()
        after = both.build_in_duckdb()
        rows = both.assert_equal()
    report.figure("eligibility_rows_equal", rows, "rows")
    for model in build.tables:
        name = f"{model.layer}.{model.name}"
        report.figure(f"{model.name}_seconds", model.seconds, "s")
        if name in before.seconds:
            theirs = (before.seconds[name] + after.seconds[name]) / 2
            report.figure(f"{model.name}_to_duckdb", model.seconds / theirs, "ratio")
    duckdb = (before.total + after.total) / 2
    report.figure("wall_seconds", build.wall, "s")
    report.figure("engine_seconds", build.engine, "s")
    report.figure("duckdb_seconds", duckdb, "s")
    report.figure("engine_to_duckdb", build.engine / duckdb, "ratio", TARGET)
    report.figure("cpu_to_duckdb", build.cpu / ((before.cpu + after.cpu) / 2), "ratio")
