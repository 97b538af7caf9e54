"""A deployment's settings: what they are, their defaults and where they come from.

Belongs here: values that differ between deployments, one module a subject. Does not belong here: anything said per
scenario (`ekiden.scenarios`), and any connection or file opened from these values.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from ekiden.settings.incoming import NO_UNSUBSCRIBE_URL, SHORTEST_SECRET, IncomingSettings
from ekiden.settings.mail import MailSettings
from ekiden.settings.other_channels import OtherChannelSettings
from ekiden.settings.sending import SendingSettings
from ekiden.settings.shop import Option, ShopSettings
from ekiden.settings.values import PROJECT_ROOT, absolute_in_project

__all__ = [
    "NO_UNSUBSCRIBE_URL",
    "PROJECT_ROOT",
    "SETTINGS_FILE",
    "SHORTEST_SECRET",
    "HomeSettings",
    "Option",
    "Settings",
]

SETTINGS_FILE = "ekiden.toml"


class HomeSettings(BaseSettings):
    """Where a deployment keeps its state; read first, because the settings file lies in it."""

    # what is refused may be a secret
    model_config = SettingsConfigDict(
        env_prefix="EKIDEN_", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    home: Annotated[Path, AfterValidator(absolute_in_project)] = Path(".ekiden")


class Settings(ShopSettings, SendingSettings, MailSettings, OtherChannelSettings, IncomingSettings, HomeSettings):
    """One deployment's settings: environment `EKIDEN_…` first, then `ekiden.toml` in its home, then defaults."""

    database_url: SecretStr | None = None
    """`postgresql://…` of the warehouse; unset: the embedded server under `home`."""

    dagster_url: str = ""
    """Where people open Dagster, for links to its runs, like https://dagster.shop.example; empty: no links."""

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
        file = absolute_in_project(Path(home)) / SETTINGS_FILE
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, file)
