-- Who of the chosen ones is in the scenario again waits for the row of step 1, and nobody else does.
with left_now as (
    delete from outreach.first_rows_awaited as awaited
    using pg_temp.chosen_without_rows as chosen
    inner join outreach.enrolments on chosen.enrolment_id = enrolments.enrolment_id
    where awaited.enrolment_id = chosen.enrolment_id and enrolments.state <> 'active'
)

insert into outreach.first_rows_awaited (enrolment_id, scenario_id, anchor_date)
select
    enrolments.enrolment_id,
    enrolments.scenario_id,
    enrolments.anchor_date
from pg_temp.chosen_without_rows as chosen
inner join outreach.enrolments on chosen.enrolment_id = enrolments.enrolment_id
where enrolments.state = 'active'
on conflict (enrolment_id) do nothing
