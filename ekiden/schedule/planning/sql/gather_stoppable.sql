-- Active enrolments that may have to be stopped, with the version that their next message belongs to.
insert into pg_temp.stoppable (
    enrolment_id, scenario_id, scenario_version_id, customer_id, anchor_kind, anchor_key, step_no, row_state
)
select
    enrolments.enrolment_id,
    enrolments.scenario_id,
    coalesce(open_rows.scenario_version_id, enrolments.scenario_version_id),
    enrolments.customer_id,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    coalesce(open_rows.step_no, 1),
    open_rows.state
from ({among}) as enrolments
left join outreach.schedule_rows as open_rows
    on
        enrolments.enrolment_id = open_rows.enrolment_id
        and open_rows.state in ('ready', 'held', 'sending', 'failed')
where enrolments.state = 'active'
on conflict do nothing
