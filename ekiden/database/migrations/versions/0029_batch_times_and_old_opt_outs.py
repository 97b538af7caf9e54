"""Sweeps know by which batch time they judged; every opt-out has a time that can be read."""

from functools import partial

from ekiden.database.migrations.by_sql_file import refuse_to_go_back, run_sql_beside

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

upgrade = partial(run_sql_beside, __file__)
downgrade = refuse_to_go_back
