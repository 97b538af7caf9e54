"""How Dagster's pages show what was found: tables, rows that are held, a sample of what was sent.

Belongs here: forms that several assets, checks and jobs share. Does not belong here: what only one of them shows, and
the command line's (`ekiden.cli`).
"""
