"""Ekiden's domain: scenarios, the schedule ledger, delivery and content.

Everything here is importable without Dagster. Dagster's side lives in `orchestration/`, `assets/` and `sensors/`.
"""
