"""Schema `outreach`: the ledger."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the ledger, by the SQL file beside this module."""
    # straight to the driver: SQLAlchemy would take colons and percent signs for its parameters
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refuse: a ledger is restored from a backup, never dropped by a migration."""
    raise NotImplementedError("the ledger is never dropped by a migration; restore a backup instead")
