-- Active enrolments whose next message belongs to a step that was stopped by force, with all below it (R-135c): those
-- with a row that can still be cancelled, and those that wait for their first row.
insert into pg_temp.stops (enrolment_id, reason)
select
    enrolments.enrolment_id,
    'force_stopped' as reason
from outreach.enrolments
left join outreach.schedule_rows as rows
    on enrolments.enrolment_id = rows.enrolment_id and rows.state in ('ready', 'held', 'sending', 'failed')
inner join outreach.scenario_steps as steps
    on enrolments.scenario_id = steps.scenario_id and coalesce(rows.step_no, 1) = steps.step_no
where
    enrolments.state = 'active'
    and coalesce(rows.state, 'ready') in ('ready', 'held')
    and steps.state = 'force_stopped'
    and (%(scenario_ids)s::bigint[] is null or enrolments.scenario_id = any(%(scenario_ids)s))
    and (
        rows.schedule_row_id is not null
        or not exists (
            select
            from outreach.schedule_rows as earlier
            where earlier.enrolment_id = enrolments.enrolment_id and earlier.state <> 'deleted'
        )
    )
on conflict do nothing
