"""How many examples the property tests try; what all of the project's have in common stands in tests/conftest.py.

Usually few, and the same ones in every run. With EKIDEN_PROPERTY_EXAMPLES set, each test tries that many, new ones in
every run; worth an hour after a change of the macros:

    EKIDEN_PROPERTY_EXAMPLES=5000 pytest -n 2 tests/properties
"""

import os

from hypothesis import HealthCheck, Phase, settings

USUAL_EXAMPLES = 100
"""Keeps the whole folder under a minute on two cores."""


def profile(share: float = 1) -> settings:
    """Return the settings of a test that tries this share of the examples."""
    wanted = os.environ.get("EKIDEN_PROPERTY_EXAMPLES")
    return settings(
        max_examples=max(1, int(int(wanted or USUAL_EXAMPLES) * share)),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        # a failing example prints itself, as a definition and a history
        print_blob=False,
    )
