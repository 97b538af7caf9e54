"""Schema `raw`: the tables of the raw contract (`ekiden.raw.contract`)."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, by the SQL file beside this module."""
    # straight to the driver: SQLAlchemy would take colons and percent signs for its parameters
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Refuse: going back would drop the shop's data."""
    raise NotImplementedError("schema raw holds the shop's data; drop it by hand if that is what you want")
