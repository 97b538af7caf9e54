-- One scenario version, with what waits of it.
with open_rows as (
    select schedule_row_id
    from outreach.schedule_rows
    where
        scenario_version_id = %(scenario_version_id)s
        and state in ('ready', 'held', 'sending', 'failed')
)

select
    scenarios.scenario_code,
    scenarios.model_name,
    versions.version_no,
    versions.git_revision,
    (select count(*) from open_rows) as open_rows,
    array(
        select open_rows.schedule_row_id
        from open_rows
        order by open_rows.schedule_row_id
        limit %(named_rows)s
    ) as first_rows,
    %(said)s::text as said
from outreach.scenario_versions as versions
inner join outreach.scenarios on versions.scenario_id = scenarios.scenario_id
where versions.scenario_version_id = %(scenario_version_id)s
