"""What Alembic runs to reach the database; the connection comes from `ekiden.database.migrations.upgrade`."""

from alembic import context

from ekiden.database.migrations import CONNECTION, VERSION_SCHEMA, VERSION_TABLE

context.configure(
    connection=context.config.attributes[CONNECTION],
    version_table=VERSION_TABLE,
    version_table_schema=VERSION_SCHEMA,
)
with context.begin_transaction():
    context.run_migrations()
