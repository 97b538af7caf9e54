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

NO_UNSUBSCRIBE_URL = "https://ekiden.invalid/unsubscribe"
"""Leads nowhere: what links are made of where a deployment has no address for them."""

SHORTEST_SECRET = 32
"""Characters of a secret: 128 bits where they are hexadecimal digits."""

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


Option = Literal["member_tag", "member_rank", "cancel_reason", "line", "sms", "web_push"]
"""What a shop may have beyond the ordinary (R-043, R-071, R-101e, R-101j, R-151, R-153)."""


class HomeSettings(BaseSettings):
    """Where a deployment keeps its state; read first, because the settings file lies in it."""

    # what is refused may be a secret
    model_config = SettingsConfigDict(
        env_prefix="EKIDEN_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

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

    unknown_after: timedelta = timedelta(hours=26)
    """A message of unknown outcome is shown to a person from then on. SendGrid delivers an event for up to 24 hours
    (its event webhook's page, "retries"); two more are for what comes late on our side."""

    dispatcher_lease: timedelta = Field(timedelta(minutes=5), ge=timedelta(seconds=1))
    """For how long a sender that gives no sign keeps what it claimed. Longer than the slowest batch: a channel begins
    none of its messages after a minute and has the last answer within another; the rest is for a busy machine."""

    send_workers: int = Field(1, ge=1, le=64)
    """How many send workers drain the queue in one run; with more than one, each is a process of its own."""

    send_executor: Literal["in_process", "multiprocess", "celery"] | None = None
    """Where send workers run; unset: in the run's process if there is one, else in processes of the same machine."""

    celery_broker: SecretStr | None = None
    """`redis://…` or `amqp://…`, by which Celery hands work to the send workers of other machines."""

    channel: Literal["outbox", "sendgrid", "smtp"] | None = None
    """How mail goes out; unset: SendGrid if there is a key, else a mail server if there is a host, else the outbox.

    `outbox`, where it is said: nothing leaves the house, by whatever other channel there may be credentials for.
    """

    smtp_host: str | None = None
    """The mail server that takes our mail; the delivery is its own."""

    smtp_port: int = Field(587, ge=1, le=65_535)
    """587 is submission with STARTTLS (RFC 6409), 465 submission over TLS (RFC 8314)."""

    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """How the way there is encrypted; the server's certificate is checked. `none`: for a server in the house."""

    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_envelope_sender: str | None = None
    """Where bounces go (MAIL FROM); unset: to `sender_address`."""

    line_channel_access_token: SecretStr | None = None
    """The Messaging API's token of the shop's LINE account; without one no LINE message is sent."""

    line_host: HttpUrl | None = None
    """LINE's address; unset: the provider's own. For a test server."""

    twilio_account_sid: str | None = None
    """Twilio's account, for SMS; with it `twilio_auth_token`, and a sender: `twilio_from` or a messaging service."""

    twilio_auth_token: SecretStr | None = None
    twilio_from: str | None = None
    """The number (+81…) or name that SMS come from."""

    twilio_messaging_service_sid: str | None = None
    """The messaging service that chooses the number."""

    twilio_host: HttpUrl | None = None
    """Twilio's address; unset: the provider's own. For another region or a test server."""

    phone_country_code: int = Field(81, ge=1, le=999)
    """Of telephone numbers that are written without one, like 090-1234-5678."""

    vapid_private_key: SecretStr | None = None
    """The key for which browsers subscribed, in base64url or as PEM; without one no notification is sent."""

    vapid_subject: str | None = None
    """Whom a push service may write to about us: `mailto:…` or `https://…` (RFC 8292); unset: `sender_address`."""

    web_push_services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = (
        "fcm.googleapis.com",
        "push.services.mozilla.com",
        "notify.windows.com",
        "push.apple.com",
    )
    """Hosts that subscriptions may name, and those below them; `a,b` in the environment.

    Subscriptions come from customers: whatever else one names would make us call it from inside the house.
    """

    sendgrid_api_key: SecretStr | None = None
    """SendGrid's key; without one, mail goes into the outbox, a Maildir under `home`."""

    sendgrid_host: HttpUrl | None = None
    """SendGrid's address; unset: the package's own. For the EU (https://api.eu.sendgrid.com) or a test server."""

    sendgrid_connections: int = Field(4, ge=1, le=64)
    """Requests to SendGrid that a sender has under way at once, where messages need requests of their own."""

    sendgrid_substitution_bytes: int = Field(10_000, ge=1_000, le=50_000)
    """A recipient's own words in a request shared with others; what has more goes in a request of its own.

    SendGrid's pages say 10,000 and 50,000; raise it once your account has taken a larger one.
    """

    sendgrid_webhook_key: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """The verification key of SendGrid's signed event webhook, as its page shows it; `a,b` where there are several
    webhooks, or while one key follows another. Unset: its events are turned away."""

    webhook_max_age: timedelta = Field(timedelta(hours=25), gt=timedelta())
    """An event webhook's request signed longer ago is stale. SendGrid tries for 24 hours and does not say whether it
    signs each try anew; one more is for what comes late. A repeated request is known by its body, however young."""

    webhook_keep_bodies: timedelta = timedelta(days=30)
    """Requests as they came, with addresses and devices, are forgotten this long after they were taken in."""

    sender_address: str = "shop@ekiden.invalid"
    sender_name: str = "Ekiden Shop"
    reply_to: str | None = None
    postal_address: str = "1-1 Sample Street, Sample City"
    """The sender's postal address; the law asks for it in every message."""

    admin_notice_address: str | None = None
    """Who is told what was sent, when scenario mail is sent (R-154); unset: nobody."""

    admin_notice_language: str = Field("en", pattern=r"^[a-z]{2}$")
    """The language of that notice: `en`, `ja`, or another file in `content/admin_notice`."""

    admin_notice_gap: timedelta = timedelta(hours=1)
    """At least so long between two notices: what is sent meanwhile, to each customer at an hour of their own, is told
    together with what comes next."""

    dagster_url: str = ""
    """Where people open Dagster, for links to its runs, like https://dagster.shop.example; empty: no links."""

    name_order: Literal["family_first", "given_first"] = "family_first"
    """How a customer's full name is written."""

    shop_url: str = ""
    """The shop's front page, for the button in messages."""

    content: Annotated[Path, AfterValidator(_absolute_in_project)] = Path("content")
    """The folder of message templates, one folder per scenario."""

    lists: Annotated[Path | None, AfterValidator(lambda path: path and _absolute_in_project(path))] = None
    """The folder in which lists to be imported are laid, NAME.csv each; unset: `lists` in the home."""

    unsubscribe_url: str = NO_UNSUBSCRIBE_URL
    """Where the one-click unsubscribe link leads (RFC 8058); the message's opaque token is appended.

    Unset, links lead nowhere. Set it to an https address that reaches `ekiden webhook`, like
    https://mail.shop.example/unsubscribe.
    """

    unsubscribe_secret: Annotated[
        tuple[Annotated[SecretStr, Field(min_length=SHORTEST_SECRET)], ...], NoDecode, BeforeValidator(_listed)
    ] = ()
    """What signs unsubscribe links; `new,old` in the environment: the first signs, all of them verify.

    Unset: one made once, in `unsubscribe-secret` in the home, which must then be the same on every machine that sends.
    """

    sendgrid_groups: dict[int, str] = Field(default_factory=dict)
    """SendGrid's unsubscribe groups by their id, and the site that each stands for; `{"123": "shop.example"}`.

    Who leaves a group that is not named here has opted out of all mail: we do not know of which part.
    """

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
    def unsubscribe_secret_file(self) -> Path:
        """The file of the secret that signs unsubscribe links, where the settings hold none."""
        return self.home / "unsubscribe-secret"

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
