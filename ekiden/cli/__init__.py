"""The command line: one module per subject, each a thin layer over the functions that Dagster's jobs call too.

Nothing is decided here. Exit codes: 0 done, 1 refused or failed with a reason on standard error, 2 wrong usage.
"""

import sys

import psycopg
import typer
from pydantic import ValidationError

from ekiden.cli import database, insights, operators, pipeline, scenarios, schedule
from ekiden.cli.output import complain
from ekiden.database.errors import DatabaseUnavailable
from ekiden.delivery.channels import LineStopped
from ekiden.delivery.contents import ContentsBroken
from ekiden.insights.built import ScenarioIsBroken
from ekiden.insights.difference_sources import SourceUnusable
from ekiden.insights.explanation_evidence import UnknownCustomer
from ekiden.insights.lineage import UnknownMessage
from ekiden.raw.load import LoadRefused
from ekiden.scenarios.scaffold import ScaffoldRefused
from ekiden.schedule.operators import ReasonRequired, TooManyRows
from ekiden.schedule.plan import NothingBuilt, UnknownScenario
from ekiden.settings import Settings
from ekiden.warehouse.dbt import BuildFailed

EXPECTED_ERRORS = (
    BuildFailed,
    ContentsBroken,
    DatabaseUnavailable,
    LineStopped,
    LoadRefused,
    NothingBuilt,
    ReasonRequired,
    ScaffoldRefused,
    ScenarioIsBroken,
    SourceUnusable,
    TooManyRows,
    UnknownCustomer,
    UnknownMessage,
    UnknownScenario,
)
"""Errors that say what is wrong and what to do; a traceback would only hide it."""

app = typer.Typer(
    name="ekiden",
    help="Lifecycle messaging that lives in the warehouse: find who is due, send once, explain every message.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(database.app, name="db")
pipeline.register(app)
schedule.register(app)
operators.register(app)
insights.register(app)
scenarios.register(app)


def main() -> None:
    """Run a command; an expected error becomes its message and exit code 1."""
    try:
        app()
    except EXPECTED_ERRORS as error:
        complain("error", error)
        sys.exit(1)
    except psycopg.OperationalError as error:
        complain("error", f"the database did not answer to the end: {error}")
        sys.exit(1)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        for fault in error.errors():
            name = "_".join(map(str, fault["loc"]))
            complain("error", f"the setting {name} (EKIDEN_{name.upper()}): {fault['msg']}")
        sys.exit(1)
