"""A deployment's settings: what they are, their defaults and where they come from.

Belongs here: values that differ between deployments. Does not belong here: anything said per scenario
(`ekiden.scenarios`), and any connection or file opened from these values.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PROJECT_ROOT = Path(__file__).resolve().parents[1]
SETTINGS_FILE = "ekiden.toml"


def _known_time_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not an IANA time zone; write it like 'Asia/Tokyo'")
    return name


def _absolute_in_project(path: Path) -> Path:
    """Return `path`, a relative one read from the project's root, so that every process means one folder."""
    return path if path.is_absolute() else PROJECT_ROOT / path


def _listed(value: object) -> object:
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Option = Literal["member_tag", "member_rank", "cancel_reason", "line", "sms"]
"""What a shop may have beyond the ordinary (R-043, R-071, R-101e, R-101j, R-151)."""


class HomeSettings(BaseSettings):
    """Where a deployment keeps its state; read first, because the settings file lies in it."""

    model_config = SettingsConfigDict(env_prefix="EKIDEN_", env_ignore_empty=True, extra="ignore")

    home: Annotated[Path, AfterValidator(_absolute_in_project)] = Path(".ekiden")


class Settings(HomeSettings):
    """One deployment's settings: environment `EKIDEN_…` first, then `ekiden.toml` in its home, then defaults."""

    database_url: SecretStr | None = None
    """`postgresql://…` of the warehouse; unset: the embedded server under `home`."""

    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "Asia/Tokyo"
    """The shop's local time: due dates, send times and partitions (R-079)."""

    raw_schema: str = Field("raw", pattern=r"^[a-z_][a-z0-9_]*$")
    """The schema of the shop's tables that dbt reads; another one than `raw` is filled by you, not by `ekiden load`."""

    batch_time: time = time(6, 0)
    """Local time of the daily planning run (R-107)."""

    max_lateness: timedelta = timedelta(hours=6)
    """A ready row later than this is held instead of sent, unless it was released (transition T5)."""

    options: Annotated[frozenset[Option], NoDecode, BeforeValidator(_listed)] = frozenset()
    """What the shop has beyond the ordinary, so that scenarios may ask for it; `a,b` in the environment."""

    desired_delivery_added_days: int = Field(5, ge=0)
    """Days added to the shipping date where an order has no desired delivery date (R-063, R-064)."""

    claim_batch_size: int = Field(1000, ge=1, le=1000)
    """Rows claimed, checked, posted and recorded together; a provider's request holds at most 1,000."""

    max_attempts: int = Field(5, ge=1)
    """Tries of one message that surely did not leave; then the row stays `failed` for an operator."""

    retry_after: timedelta = timedelta(minutes=5)
    """Wait before the next try, times the number of tries made: five tries outlast most of an hour."""

    channel: Literal["outbox", "sendgrid"] | None = None
    """How mail goes out; unset: through SendGrid if there is a key, else into the outbox."""

    sendgrid_api_key: SecretStr | None = None
    """SendGrid's key; without one, mail goes into the outbox, a Maildir under `home`."""

    sendgrid_host: HttpUrl | None = None
    """SendGrid's address; unset: the package's own. For another region or a test server."""

    sender_address: str = "shop@ekiden.invalid"
    sender_name: str = "Ekiden Shop"
    reply_to: str | None = None
    postal_address: str = "1-1 Sample Street, Sample City"
    """The sender's postal address; the law asks for it in every message."""

    name_order: Literal["family_first", "given_first"] = "family_first"
    """How a customer's full name is written."""

    shop_url: str = ""
    """The shop's front page, for the button in messages."""

    content: Annotated[Path, AfterValidator(_absolute_in_project)] = Path("content")
    """The folder of message templates, one folder per scenario."""

    lists: Annotated[Path | None, AfterValidator(lambda path: path and _absolute_in_project(path))] = None
    """The folder in which lists to be imported are laid, NAME.csv each; unset: `lists` in the home."""

    unsubscribe_url: str = "https://ekiden.invalid/unsubscribe"
    """Where the one-click unsubscribe link leads (RFC 8058); the message's opaque token is appended."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def local_date(self, now: datetime) -> date:
        """Return the shop's calendar date at `now`, an aware datetime (R-079)."""
        return now.astimezone(self.zone).date()

    @property
    def outbox(self) -> Path:
        return self.home / "outbox"

    @property
    def exports(self) -> Path:
        """The folder of exported lists."""
        return self.home / "exports"

    @property
    def lists_folder(self) -> Path:
        """The folder in which lists to be imported are laid."""
        return self.lists or self.home / "lists"

    @property
    def dbt_target(self) -> Path:
        """dbt's artefacts (manifest, run results, logs) of this deployment."""
        return self.home / "dbt"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get("home") or HomeSettings().home
        file = _absolute_in_project(Path(home)) / SETTINGS_FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)
