"""A deployment's settings: what they are, their defaults and where they come from.

Belongs here: values that differ between deployments, one module a subject. Does not belong here: anything said per
scenario (`ekiden.scenarios`), and any connection or file opened from these values.
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ekiden.settings.incoming import NO_UNSUBSCRIBE_URL, SHORTEST_SECRET, IncomingSettings
from ekiden.settings.mail import MailSettings
from ekiden.settings.other_channels import OtherChannelSettings
from ekiden.settings.sending import SendingSettings
from ekiden.settings.shop import Option, ShopSettings
from ekiden.settings.sources import (
    SETTINGS_FILE,
    SettingsFile,
    SettingsFileUnreadable,
    VariableMisspelt,
    said_by,
)
from ekiden.settings.values import PROJECT_ROOT, absolute_in_project, web_address

__all__ = [
    "NO_UNSUBSCRIBE_URL",
    "PROJECT_ROOT",
    "SETTINGS_FILE",
    "SHORTEST_SECRET",
    "HomeSettings",
    "Option",
    "Settings",
    "SettingsFileUnreadable",
    "VariableMisspelt",
]


class HomeSettings(BaseSettings):
    """Where a deployment keeps its state; read first, because the settings file lies in it."""

    model_config = SettingsConfigDict(
        env_prefix="EKIDEN_",
        env_ignore_empty=True,
        extra="ignore",
        # a line's end, as files of secrets have, belongs to no key and no address
        str_strip_whitespace=True,
        # what is refused may be a secret
        hide_input_in_errors=True,
    )

    home: Annotated[Path, AfterValidator(absolute_in_project)] = Path(".ekiden")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, said_by(env_settings), *cls._files(init_settings)

    @classmethod
    def _files(cls, given: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the files that settings are read from, last; `given` are those that the caller names."""
        return ()


class Settings(ShopSettings, SendingSettings, MailSettings, OtherChannelSettings, IncomingSettings, HomeSettings):
    """One deployment's settings: environment `EKIDEN_…` first, then `ekiden.toml` in its home, then defaults."""

    database_url: SecretStr | None = None
    """`postgresql://…` of the warehouse; unset: the embedded server under `home`."""

    dagster_url: Annotated[str, AfterValidator(web_address)] = ""
    """Where people open Dagster, for links to its runs and for the webserver to know its own pages by, like
    https://dagster.shop.example; empty: no links."""

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
    def _files(cls, given: PydanticBaseSettingsSource) -> tuple[PydanticBaseSettingsSource, ...]:
        home = absolute_in_project(Path(given().get("home") or HomeSettings().home))
        return (SettingsFile(cls, home),)
