"""What several tests of lists begin with."""

from tests.integration.delivery.lists.exporting import one_card

__all__ = ["one_card"]
