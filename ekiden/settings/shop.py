"""What a deployment says of its shop: where and when it is, what it has, how it writes.

Does not belong here: by what it is written (`sending`), and anything said per scenario (`ekiden.scenarios`).
"""

from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from ekiden.settings.values import absolute_in_project, known_time_zone, listed, local_time

Option = Literal["member_tag", "member_rank", "cancel_reason", "line", "sms", "web_push"]
"""What a shop may have beyond the ordinary (R-043, R-071, R-101e, R-101j, R-151, R-153)."""

RAW_SCHEMA = "raw"
"""Where Ekiden itself makes the shop's tables, and loads files and lists."""


class ShopSettings(BaseModel):
    """The shop."""

    time_zone: Annotated[str, AfterValidator(known_time_zone)] = "Asia/Tokyo"
    """The shop's local time: due dates, send times and partitions (R-079)."""

    raw_schema: str = Field(RAW_SCHEMA, pattern=r"^[a-z_][a-z0-9_]*$")
    """The schema of the shop's tables that dbt reads; another one than `raw` is filled by you, not by `ekiden load`."""

    batch_time: Annotated[time, AfterValidator(local_time)] = time(6, 0)
    """Local time of the daily planning run (R-107)."""

    options: Annotated[frozenset[Option], NoDecode, BeforeValidator(listed)] = frozenset()
    """What the shop has beyond the ordinary, so that scenarios may ask for it; `a,b` in the environment."""

    blocked_from: Literal["scenario", "every_scenario"] = "scenario"
    """What a customer whose row a person blocked never enters again (T13): that scenario, or none at all (R-240e)."""

    desired_delivery_added_days: int = Field(5, ge=0, le=3_650)
    """Days added to the shipping date where an order has no desired delivery date (R-063, R-064)."""

    name_order: Literal["family_first", "given_first"] = "family_first"
    """How a customer's full name is written."""

    shop_url: str = ""
    """The shop's front page, for the button in messages."""

    content: Annotated[Path, AfterValidator(absolute_in_project)] = Path("content")
    """The folder of message templates, one folder per scenario."""

    lists: Annotated[Path | None, AfterValidator(lambda path: path and absolute_in_project(path))] = None
    """The folder in which lists to be imported are laid, NAME.csv each; unset: `lists` in the home."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def blocks_everywhere(self) -> bool:
        """Whether a customer who was blocked in one scenario enters no other either."""
        return self.blocked_from == "every_scenario"

    def local_date(self, now: datetime) -> date:
        """Return the shop's calendar date at `now`, an aware datetime (R-079)."""
        return now.astimezone(self.zone).date()
