-- One open row as a sender judges it before its claim, and what of its version says where it may go.
select
    judged.*,
    versions.consent_recheck,
    versions.definition -> 'address_policy' as address_policy
from outreach.schedule_rows as rows
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
cross join lateral ({judged_columns}) as judged
where rows.schedule_row_id = %(schedule_row_id)s
