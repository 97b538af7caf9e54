"""The database: an embedded server for whoever has none, connections to either, and the migrations.

Belongs here: reaching PostgreSQL and bringing its schema to the newest version. Not here: what the tables
mean: each package holds its own statements.
"""
