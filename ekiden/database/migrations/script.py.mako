"""${message}."""

from pathlib import Path

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Do what the SQL file beside this module says."""
    # straight to the driver: SQLAlchemy would take colons and percent signs for its parameters
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refuse: what was stored meanwhile would be lost."""
    raise NotImplementedError("restore a backup instead")
