"""`make bench BENCH=name SCALE=small|full`: runs one benchmark and prints its figures, one JSON object a line.

Belongs here: the command line. Does not belong here: any benchmark.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module

from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed
from tests.benchmarks.shop import SIZES, Size

BENCHMARKS = ("build", "burst", "daily", "day", "decisions", "growth", "ledger", "memory", "plan", "send", "why")


def main() -> None:
    """Run what the command line asks for; exit 1 where a figure would mean nothing, with the reason."""
    parser = argparse.ArgumentParser(prog="make bench", description="Benchmarks on generated shops.")
    parser.add_argument("bench", choices=BENCHMARKS)
    parser.add_argument("--scale", choices=sorted(SIZES), default="small")
    for name in ("customers", "orders", "seed"):
        parser.add_argument(f"--{name}", type=int, help=f"another number of {name} than the scale's")
    chosen = parser.parse_args()
    given: Mapping[str, int | None] = {name: getattr(chosen, name) for name in ("customers", "orders", "seed")}
    size = replace(SIZES[chosen.scale], **{name: value for name, value in given.items() if value is not None})
    run: Callable[[Size, Reporter], None] = import_module(f"tests.benchmarks.{chosen.bench}").run
    try:
        run(size, Reporter(chosen.bench, chosen.scale))
    except BenchmarkFailed as error:
        sys.exit(f"{chosen.bench}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{chosen.bench}: interrupted; everything it started is stopped and removed")


if __name__ == "__main__":
    main()
