-- One scenario version, with what waits of it; rows are named for what a person can do to them in their state.
with open_rows as (
    select
        schedule_row_id,
        state
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
    (select count(*) from open_rows where open_rows.state = 'sending') as sending_rows,
    (
        select count(*)
        from outreach.first_rows_awaited as awaited
        inner join outreach.enrolments on awaited.enrolment_id = enrolments.enrolment_id
        where
            enrolments.scenario_version_id = %(scenario_version_id)s
            and enrolments.state = 'active'
    ) as awaiting,
    array(
        select open_rows.schedule_row_id
        from open_rows
        where open_rows.state in ('ready', 'held')
        order by open_rows.schedule_row_id
        limit %(named_rows)s
    ) as first_waiting,
    array(
        select open_rows.schedule_row_id
        from open_rows
        where open_rows.state = 'failed'
        order by open_rows.schedule_row_id
        limit %(named_rows)s
    ) as first_failed,
    %(said)s::text as said
from outreach.scenario_versions as versions
inner join outreach.scenarios on versions.scenario_id = scenarios.scenario_id
where versions.scenario_version_id = %(scenario_version_id)s
