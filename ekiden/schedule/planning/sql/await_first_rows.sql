-- Who of those that entered in this run is still without a row, and who of those before is so no more: nobody else
-- gives rows to such enrolments, or ends them.
with born as materialized (
    select enrolment_id
    from outreach.schedule_rows
    where run_id = %(run_id)s
),

settled as (
    delete from outreach.first_rows_awaited
    where
        enrolment_id in (
            select born.enrolment_id from born
            union all
            select stops.enrolment_id from pg_temp.stops
        )
)

insert into outreach.first_rows_awaited (enrolment_id, scenario_id, anchor_date)
select
    entered.enrolment_id,
    entered.scenario_id,
    entered.anchor_date
from pg_temp.entered
left join born on entered.enrolment_id = born.enrolment_id
where born.enrolment_id is null
