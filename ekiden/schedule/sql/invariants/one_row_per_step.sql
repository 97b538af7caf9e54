-- Invariant 1: at most one row per enrolment and step, and one open row per enrolment.
with rows_per_step as (
    select
        enrolment_id,
        'step ' || step_no as what,
        count(*) as rows
    from outreach.schedule_rows
    where state <> 'deleted'
    group by enrolment_id, step_no
),

open_rows as (
    select
        enrolment_id,
        'open' as what,
        count(*) as rows
    from outreach.schedule_rows
    where state in ('ready', 'held', 'sending', 'failed')
    group by enrolment_id
)

select * from rows_per_step where rows > 1
union all
select * from open_rows where rows > 1
