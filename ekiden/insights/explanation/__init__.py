"""Why a customer is, or is not, in a scenario: evidence, the checks on it, and how they are told.

Does not belong here: finding out whether the conditions hold (dbt's macros), and commands (`ekiden.cli`).
"""
