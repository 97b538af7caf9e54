"""Turning points are noted two years ahead, and found in one look at each span."""

from functools import partial

from ekiden.database.migrations.by_sql_file import refuse_to_go_back, run_sql_beside

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

upgrade = partial(run_sql_beside, __file__)
downgrade = refuse_to_go_back
