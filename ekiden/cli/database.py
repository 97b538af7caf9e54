"""`ekiden db …`: the database's address, its start and stop."""

import sys

import typer

from ekiden.cli.output import console
from ekiden.database.connection import database_url, embedded_server
from ekiden.database.migrations import migrate
from ekiden.settings import Settings

app = typer.Typer(help="The database: embedded under EKIDEN_HOME, or the one EKIDEN_DATABASE_URL names.")


def register(to: typer.Typer) -> None:
    """Add these commands to the application."""
    to.add_typer(app, name="db")


@app.command()
def url() -> None:
    """Print the database's URL, password included; starts the embedded server if it is not running."""
    sys.stdout.write(database_url(Settings()) + "\n")


@app.command()
def start() -> None:
    """Start the embedded server if it is not running, and bring the schemas up to date."""
    settings = Settings()
    migrate(settings)
    console().print("the database is running and up to date")


@app.command()
def stop() -> None:
    """Stop the embedded server."""
    server = embedded_server(Settings())
    if server is None:
        console().print("EKIDEN_DATABASE_URL names the database; it is not ours to stop")
    else:
        console().print("stopped" if server.stop() else "it was not running")
