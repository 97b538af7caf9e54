"""Where settings are read: the environment and the file in the home, and what is said of a file that is wrong.

Belongs here: reading names and values. Does not belong here: which settings there are, and what they may say.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

from ekiden.errors import SaysEnough

SETTINGS_FILE = "ekiden.toml"

ALMOST = 0.85
"""How like a setting's name a misspelt one is: `chanel` is 0.92 like `channel`, `timezone` 0.94 like `time_zone`; of
names that are none, `test_database_url` comes nearest, 0.83 like `database_url`."""


class SettingsFileUnreadable(SaysEnough, ValueError):
    """The settings file cannot be read, or names what is no setting; the text names the file and never a value."""


class VariableMisspelt(SaysEnough, ValueError):
    """A variable of the environment is no setting, and almost one."""


def said_by(environment: PydanticBaseSettingsSource) -> PydanticBaseSettingsSource:
    """Return the environment's source without variables of blanks alone, which say as little as empty ones.

    Raises `VariableMisspelt`. Other variables that begin like ours are somebody else's, or a command's.
    """
    if isinstance(environment, EnvSettingsSource):
        environment.env_vars = {
            name: value for name, value in environment.env_vars.items() if value is None or value.strip()
        }
        known = environment.settings_cls.model_fields
        prefix = environment.env_prefix.lower()
        for name in sorted(environment.env_vars):
            setting = name.lower().removeprefix(prefix)
            if not name.lower().startswith(prefix) or setting in known:
                continue
            if meant := get_close_matches(setting, known, n=1, cutoff=ALMOST):
                variable, right = (f"{prefix}{each}".upper() for each in (setting, meant[0]))
                # as in the file: a misspelt `channel` would let mail out of the house
                raise VariableMisspelt(f"{variable} is no setting; {right} is: rename it, or take it out")
    return environment


class SettingsFile(TomlConfigSettingsSource):
    """The settings file of a home; no file says nothing."""

    def __init__(self, settings: type[BaseSettings], home: Path) -> None:
        super().__init__(settings, home / SETTINGS_FILE)
        unknown = sorted(self.toml_data.keys() - settings.model_fields.keys())
        if unknown:
            # a misspelt `channel` would let mail out of the house
            raise SettingsFileUnreadable(
                f"{home / SETTINGS_FILE}: there is no setting {', '.join(unknown)}; names are those of the variables, "
                "in lower case and without EKIDEN_"
            )
        if "home" in self.toml_data:
            # whoever started from there would look for another file than whoever was told the home
            raise SettingsFileUnreadable(
                f"{home / SETTINGS_FILE}: home is where this file lies; set EKIDEN_HOME, and move the file along"
            )

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            # some editors begin a file with a mark of UTF-8, which TOML does not know
            return tomllib.loads(file_path.read_bytes().decode("utf-8-sig"))
        except UnicodeDecodeError:
            raise SettingsFileUnreadable(f"{file_path} is not written in UTF-8: save it as that") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsFileUnreadable(
                f'{file_path} cannot be read: {error}; a line is like time_zone = "Asia/Tokyo"'
            ) from None
