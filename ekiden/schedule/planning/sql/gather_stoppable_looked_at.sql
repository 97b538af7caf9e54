-- As `gather_stoppable`, of the customers for whom something can have become new.
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
from pg_temp.looked_at
inner join outreach.enrolments
    on looked_at.scenario_id = enrolments.scenario_id and looked_at.customer_id = enrolments.customer_id
left join outreach.schedule_rows as open_rows
    on
        enrolments.enrolment_id = open_rows.enrolment_id
        and open_rows.state in ('ready', 'held', 'sending', 'failed')
where enrolments.state = 'active'
on conflict do nothing
