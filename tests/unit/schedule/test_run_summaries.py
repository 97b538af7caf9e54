"""What SQL reads of a run's summary is what the run wrote: no type checker sees it, and a missing key reads as null."""

import re
from dataclasses import fields
from pathlib import Path

import ekiden
from ekiden.schedule.run_summaries import (
    ExportSummary,
    Failed,
    OperateSummary,
    PlanSummary,
    RunSummary,
    SendSummary,
    SettleSummary,
)

PACKAGE = Path(ekiden.__file__).parent
OPERATORS = (OperateSummary, SettleSummary)
READ: dict[str, dict[str, tuple[type[RunSummary], ...]]] = {
    "database/migrations/versions/0024_operators_words.sql": {"reason": OPERATORS},
    "delivery/lists/sql/finished_exports.sql": {"exported": (ExportSummary,)},
    "delivery/sql/untold_runs.sql": {"claimed": (SendSummary,)},
    "insights/sql/last_plan_left_out.sql": {"left_out": (PlanSummary,), "scenarios": (PlanSummary,)},
    "insights/sql/last_runs.sql": {"error": (Failed, SendSummary)},
    "insights/sql/timeline_ledger.sql": {"reason": OPERATORS},
    "schedule/planning/sql/plan_runs.sql": {"left_out": (PlanSummary,), "scenarios": (PlanSummary,)},
}
"""The keys that each statement reads, and the summaries that it reads them of."""


def test_every_key_of_a_summary_that_sql_reads_is_a_field_of_what_is_written_there():
    found = {
        str(file.relative_to(PACKAGE)): set(re.findall(r"\bsummary\s*->>?\s*'(\w+)'", file.read_text(encoding="utf-8")))
        for file in PACKAGE.rglob("*.sql")
    }
    assert {file: keys for file, keys in found.items() if keys} == {file: set(keys) for file, keys in READ.items()}
    missing = [
        (file, key, summary.__name__)
        for file, keys in READ.items()
        for key, summaries in keys.items()
        for summary in summaries
        if key not in {field.name for field in fields(summary)}
    ]
    assert missing == []


def test_what_a_run_has_nothing_to_say_about_is_not_kept():
    assert OperateSummary("release", 2, 2, None).as_json() == {"action": "release", "matched": 2, "changed": 2}
