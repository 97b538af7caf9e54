"""`ekiden up | env`: Dagster's processes on this deployment, and what they need from the environment.

Belongs here: the two commands that need `orchestration`, which stands on `ekiden`, and which nothing else of `ekiden`
imports. Dagster takes seconds to import, so each does it when it is run.
"""

import os
import shlex
import sys
from typing import Annotated

import typer

from ekiden.database.migrations import migrate
from ekiden.settings import Settings
from ekiden.warehouse.dbt import PROJECT_DIR, dbt_environment


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(up)
    app.command()(env)


def up(
    port: Annotated[int, typer.Option(envvar="EKIDEN_PORT", min=1, max=65_535, help="Port of the Dagster UI.")] = 3000,
    host: Annotated[str, typer.Option(envvar="EKIDEN_HOST", help="Address the UI listens on.")] = "127.0.0.1",
) -> None:
    """Run Dagster's webserver and daemon on this deployment; Ctrl-C stops all of it, the embedded database included."""
    from orchestration.up import run  # noqa: PLC0415 - Dagster takes seconds to import, and only this needs it

    raise typer.Exit(run(Settings(), port=port, host=host))


def env() -> None:
    """Print what Dagster's and dbt's own commands need from the environment, for a shell: eval "$(ekiden env)"."""
    from orchestration.instance import open_instance, prepare  # noqa: PLC0415 - as above

    settings = Settings()
    migrate(settings)
    folder = os.fspath(PROJECT_DIR)
    # dbt looks for its project and its profiles where it is called, and not beside each other
    where = {"DBT_PROJECT_DIR": folder, "DBT_PROFILES_DIR": folder}
    environment = {**dbt_environment(settings), **where, **prepare(settings)}
    # a daemon that does not know the pool yet takes as many builds from its queue as there are
    open_instance(settings).dispose()
    for name, value in environment.items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
