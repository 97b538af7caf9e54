insert into outreach.scenario_versions (
    scenario_id, version_no, definition, live_function, git_revision, created_at,
    reentry, enrol_at, zero_day, offset_basis, past_date_policy, past_time_today, consent_recheck, on_skip,
    look_back_days, period_from, period_to, send_window_from, send_window_to,
    on_retrigger, multi_delivery, reevaluate_on_update, backfill_as_of
)
select
    %(scenario_id)s,
    coalesce(max(version_no), 0) + 1,
    %(definition)s,
    %(live_function)s,
    %(git_revision)s,
    %(now)s,
    %(reentry)s,
    %(enrol_at)s,
    %(zero_day)s,
    %(offset_basis)s,
    %(past_date_policy)s,
    %(past_time_today)s,
    %(consent_recheck)s,
    %(on_skip)s,
    %(look_back_days)s,
    %(period_from)s,
    %(period_to)s,
    %(send_window_from)s,
    %(send_window_to)s,
    %(on_retrigger)s,
    %(multi_delivery)s,
    %(reevaluate_on_update)s,
    %(backfill_as_of)s
from outreach.scenario_versions
where scenario_id = %(scenario_id)s
returning scenario_version_id
