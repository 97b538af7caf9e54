"""How a revision is made: by the SQL file beside its module, of the same name. It is never unmade.

Belongs here: what all revisions do alike. Does not belong here: what one of them changes (`versions/`).
"""

from pathlib import Path

from alembic import op


def run_sql_beside(module: str) -> None:
    """Run the SQL file beside a revision's module, whose `__file__` is given, in the migration's transaction."""
    # straight to the driver: SQLAlchemy would take colons and percent signs for its parameters
    op.get_bind().connection.cursor().execute(Path(module).with_suffix(".sql").read_text(encoding="utf-8"))


def refuse_to_go_back() -> None:
    """Raise `NotImplementedError`: what the ledger or the shop's history learned since would be lost."""
    raise NotImplementedError("no migration drops what the ledger has learned; restore a backup instead")
