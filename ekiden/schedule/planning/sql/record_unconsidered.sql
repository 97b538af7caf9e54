-- Keeps that nobody of one scenario was considered on the planned days, in one row a day that names no customer.
insert into outreach.decision_batches (scenario_id, run_id, decided_at, day, step_no, rule, customers)
select
    %(scenario_id)s,
    %(run_id)s,
    %(now)s,
    planned.day::date,
    1 as step_no,
    %(rule)s::text,
    array[]::text[] as customers
from generate_series(%(first_day)s::date, %(last_day)s::date, interval '1 day') as planned (day)
where
    %(rule)s::text is distinct from (
        select batches.rule
        from outreach.decision_batches as batches
        where batches.scenario_id = %(scenario_id)s and batches.day = planned.day::date and batches.customer_count = 0
        order by batches.decision_batch_id desc
        limit 1
    )
order by planned.day
