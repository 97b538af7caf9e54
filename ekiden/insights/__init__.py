"""Answers about what is, was and would be: audience, segments, why, diff, timeline, decisions, standing, lineage.

Nothing here changes the ledger.
"""
