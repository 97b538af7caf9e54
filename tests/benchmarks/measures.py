"""How a figure is told: one JSON object a line on standard output; everything else goes to standard error."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reporter:
    """Tells the figures of one benchmark at one scale."""

    bench: str
    scale: str

    def figure(self, metric: str, value: float, unit: str, target: float | None = None) -> None:
        """Print one figure, times and ratios to three digits; it must not exceed `target`, where there is one."""
        rounded = value if isinstance(value, int) else float(f"{value:.3g}")
        line = {"bench": self.bench, "metric": metric, "value": rounded, "unit": unit, "target": target}
        sys.stdout.write(json.dumps(line | {"scale": self.scale}) + "\n")
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Tell whoever watches what happens."""
        sys.stderr.write(f"[{self.bench}] {text}\n")
        sys.stderr.flush()


def median(values: Sequence[float]) -> float:
    """Return the middle value, the lower of two."""
    return sorted(values)[(len(values) - 1) // 2]


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Return the exponent with which time grows between the first and the last size; 1 is proportional."""
    return math.log(seconds[-1] / seconds[0]) / math.log(sizes[-1] / sizes[0])
