"""The option `--cases`, one test per script, and the stage they play on.

Belongs here: what pytest needs to know. Does not belong here: how a script is played (`play`).
"""

import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml
from pydantic import SecretStr

from ekiden.database.connection import dbt_environment
from ekiden.scenarios.definition import OPTIONS
from ekiden.settings import Settings
from tests.acceptance.cast import Cast, cast, model_prefix
from tests.acceptance.names import check_names
from tests.acceptance.project import compile_project
from tests.acceptance.reading import ZONE, ScriptFault, parse, read_yaml
from tests.acceptance.script import Script
from tests.acceptance.stage import Stage, open_connection

HERE = Path(__file__).parent
OWN_CASES = HERE / "cases"
PENDING = HERE / "pending.yaml"
ADDED_DAYS = 5


@dataclass(frozen=True)
class Case:
    """One file: a script that can be played, or what is wrong with it."""

    script_id: str | None
    playable: tuple[Script, Cast] | None = None
    fault: ScriptFault | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--cases",
        metavar="PATH",
        default=None,
        help="play the acceptance scripts of this folder, or this one file, instead of our own",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "script_path" not in metafunc.fixturenames:
        return
    # pytest reads this file's options only where the folder is named on its command line
    given = metafunc.config.getoption("--cases", default=None)
    paths = script_paths(Path(given) if given else OWN_CASES)
    metafunc.parametrize("script_path", paths, ids=[path.stem for path in paths], scope="session")


def script_paths(place: Path) -> list[Path]:
    """Return the scripts of a folder, or the one file; raise pytest's own error where there is none."""
    if place.is_file():
        return [place]
    paths = sorted([*place.glob("*.yaml"), *place.glob("*.yml")])
    if not paths:
        wrong = f"there is no .yaml file in {place.resolve()}" if place.is_dir() else f"there is no {place.resolve()}"
        raise pytest.UsageError(f"--cases: {wrong}")
    return paths


@pytest.fixture(scope="session")
def pending() -> Mapping[str, str]:
    """Why a script cannot pass yet, by its id."""
    return yaml.safe_load(PENDING.read_text(encoding="utf-8")) or {}


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> Mapping[Path, Case]:
    """The scripts of this session's tests; a script with faults keeps them to itself."""
    paths = {
        item.callspec.params["script_path"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "script_path" in item.fixturenames
    }
    return refuse_ids_twice({path: read_case(path) for path in sorted(paths)})


def refuse_ids_twice(cases: Mapping[Path, Case]) -> Mapping[Path, Case]:
    """Return the cases; those that share an id are faults, for their scenarios would be the same models."""
    # letters of both sizes and both dashes make one model's name
    sharing: dict[str, list[Path]] = defaultdict(list)
    for path, case in cases.items():
        if case.playable:
            sharing[model_prefix(case.playable[0])].append(path)
    faults = {
        path: ScriptFault(f"{len(paths)} scripts have the id {cases[path].script_id!r}: {named}; give each its own")
        for paths in sharing.values()
        if len(paths) > 1
        for named in (", ".join(each.name for each in paths),)
        for path in paths
    }
    return {path: Case(case.script_id, fault=faults[path]) if path in faults else case for path, case in cases.items()}


def read_case(path: Path) -> Case:
    """Return what a file says; whatever is wrong with it is its own fault."""
    content = None
    try:
        content = read_yaml(path)
        script = parse(Script, content)
        check_names(script)
        return Case(script.id, playable=(script, cast(script)))
    except Exception as error:
        # whatever there may be in a script, the others are played
        fault = error if isinstance(error, ScriptFault) else ScriptFault(f"{type(error).__name__}: {error}")
        return Case(str(content.get("id")) if isinstance(content, dict) else None, fault=fault)


@pytest.fixture(scope="session")
def stage(
    server_url: str,
    template_database: str,
    cases: Mapping[Path, Case],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stage]:
    """One database for all scripts, with dbt's SQL compiled for every scenario they have."""
    name = f"ekiden_acceptance_{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("acceptance")
    settings = Settings(
        home=folder / "home",
        database_url=SecretStr(urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))),
        time_zone=ZONE.key,
        desired_delivery_added_days=ADDED_DAYS,
        # what a script's shop has not is refused when the script is read
        options=OPTIONS,
    )
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
        try:
            casts = [case.playable[1] for case in cases.values() if case.playable]
            versions = [version for cast_ in casts for version in cast_.versions()]
            segments = [segment for cast_ in casts for segment in cast_.segments]
            environment = dbt_environment(settings) | {
                "EKIDEN_TIME_ZONE": ZONE.key,
                "EKIDEN_DESIRED_DELIVERY_ADDED_DAYS": str(ADDED_DAYS),
            }
            project = compile_project(folder, versions, segments, environment)
            with open_connection(settings) as connection:
                stage = Stage(settings, project, connection)
                stage.set_up()
                yield stage
        finally:
            server.execute(f'drop database if exists "{name}" with (force)')
