"""The schedule ledger: `planning` makes its rows, `operating` is what people do to them.

Here: what both need - rows and how they are looked for, runs, what is held, the invariants, and versions that cannot be
asked. Does not belong here: who is eligible (dbt), and sending (`ekiden.delivery`).
"""
