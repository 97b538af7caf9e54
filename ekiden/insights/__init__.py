"""Answers about what is, was and would be: audience, segments, why, diff, timeline, decisions, status, lineage.

Nothing here changes the ledger.
"""
