"""What keeps anything from being planned, asked or done; here by themselves, so that raising them needs no planner."""

from ekiden.errors import SaysEnough


class UnknownScenario(SaysEnough, ValueError):
    """A selection names a scenario that the ledger does not know."""


class DaysOutOfReach(SaysEnough, ValueError):
    """Days were to be planned that no shop can have missed: most often a mistyped year."""


class NothingBuilt(SaysEnough, RuntimeError):
    """There is no eligibility table yet."""


class ZoneDataDiffers(SaysEnough, RuntimeError):
    """The database reads the shop's time zone otherwise than this process does."""


class ReasonMissing(SaysEnough, ValueError):
    """What a person does is done only with a reason: whoever looks at the ledger later will ask."""
