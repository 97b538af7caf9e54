-- Who entered one scenario at the anchor and gets no row, now that its date has passed or is outside a period that was
-- moved since; the same run ends the enrolment (`give_up_first_rows`). What drains gives up as well, nothing else that
-- is not enabled.
select
    greatest(due.due_date, %(first_day)s::date) as day,
    enrolments.customer_id,
    case
        when due.due_date < %(period_from)s::date or due.due_date > %(period_to)s::date then 'row_outside_period'
        else 'row_past_date'
    end as rule
from outreach.first_rows_awaited as awaited
inner join outreach.enrolments on awaited.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios on awaited.scenario_id = scenarios.scenario_id
cross join lateral (values (awaited.anchor_date + %(due_after_days)s::integer)) as due (due_date)
where
    awaited.scenario_id = %(scenario_id)s
    and scenarios.may_send
    and enrolments.state = 'active'
    and due.due_date <= %(last_day)s::date
    and (
        (%(past_date_policy)s = 'skip' and due.due_date < %(today)s::date)
        or due.due_date < %(period_from)s::date
        or due.due_date > %(period_to)s::date
    )
