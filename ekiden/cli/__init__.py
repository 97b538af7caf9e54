"""The command line: one module per subject, each a thin layer over the functions that Dagster's jobs call too.

Nothing is decided here. Exit codes: 0 done, 1 refused or failed with a reason on standard error, 2 wrong usage.
"""

import sys
from typing import Annotated

import typer

from ekiden.cli.commands import Commands
from ekiden.cli.streams import let_go_of_output, open_closed_streams

app = typer.Typer(
    name="ekiden",
    cls=Commands,
    help="Lifecycle messaging that lives in the warehouse: find who is due, send once, explain every message.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version  # noqa: PLC0415 - no other command needs it

        sys.stdout.write(f"ekiden {version('ekiden')}\n")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    # typer makes a group only of an application that has something
    pass


def main() -> None:
    """Run a command; an expected error becomes its message and exit code 1."""
    open_closed_streams()
    try:
        _run()
    except BrokenPipeError:
        # whoever read it has enough, like `head`
        let_go_of_output()
        sys.exit(1)
    except Exception as error:
        from ekiden.cli.expected import told  # noqa: PLC0415 - see the module's docstring
        from ekiden.cli.output import complain  # noqa: PLC0415 - needs the terminal, which a completion does not

        complaints = told(error)
        if not complaints:
            raise
        for complaint in complaints:
            complain("error", complaint)
        if isinstance(error, OSError):
            let_go_of_output()
        sys.exit(1)


def _run() -> None:
    try:
        app()
    except SystemExit:
        # what the buffer still holds fails here, if it fails, and not as Python ends
        sys.stdout.flush()
        raise
