"""How many examples the property tests try.

Usually few, and the same ones in every run, so that a red run is the change's own doing. With EKIDEN_PROPERTY_EXAMPLES
set, each test tries that many, new ones in every run; worth an hour after a change of the macros:

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
        derandomize=wanted is None,
        # an example takes as long as PostgreSQL takes to plan it
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        # a failing example prints itself, as a definition and a history
        print_blob=False,
        database=None,
    )
