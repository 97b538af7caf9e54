"""A member's history has its changes in the order in which they were made."""

from functools import partial

from ekiden.database.migrations.by_sql_file import refuse_to_go_back, run_sql_beside

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

upgrade = partial(run_sql_beside, __file__)
downgrade = refuse_to_go_back
