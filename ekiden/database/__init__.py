"""The database: an embedded server for whoever has none, connections to either, and the migrations.

Belongs here: reaching PostgreSQL and bringing its schema to the newest version. Not here: what the tables
mean (`raw`, `schedule`, `delivery` each hold their own statements).
"""
