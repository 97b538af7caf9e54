-- As of when entry is judged for days gone by (Q-13): now, as the seed says, or the instant of that day's own planning.

alter table outreach.scenario_versions
add column backfill_as_of text not null default 'now' check (backfill_as_of in ('now', 'due_date'));
