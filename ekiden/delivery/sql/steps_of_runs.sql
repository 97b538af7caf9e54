-- What send runs did with each mail they touched, by scenario and step; of a row with several states the last counts.
with touched as (
    select distinct on (subject_id)
        subject_id as schedule_row_id,
        to_state
    from outreach.transitions
    where
        subject = 'schedule_row'
        and run_id = any(%(runs)s)
        -- that a next step's row was made is no news
        and from_state <> ''
        -- for the index by time; a clock may have been set back meanwhile, by less than that
        and transitioned_at >= %(since)s - interval '1 hour'
    order by subject_id asc, transition_id desc
)

select
    scenarios.scenario_code,
    scenarios.scenario_name,
    planned.step_no,
    count(*) filter (where touched.to_state = 'sent')::integer as sent,
    count(*) filter (where touched.to_state = 'skipped')::integer as skipped,
    count(*) filter (where touched.to_state = 'failed')::integer as failed,
    count(*) filter (where touched.to_state = 'ready')::integer as retried,
    count(*) filter (where touched.to_state = 'held')::integer as held,
    count(*) filter (where touched.to_state = 'cancelled')::integer as cancelled,
    count(*) filter (where touched.to_state = 'sending')::integer as unknown
from touched
inner join outreach.schedule_rows as planned on touched.schedule_row_id = planned.schedule_row_id
inner join outreach.scenarios on planned.scenario_id = scenarios.scenario_id
where planned.channel = any(%(channels)s)
group by scenarios.scenario_id, scenarios.scenario_code, scenarios.scenario_name, planned.step_no
order by scenarios.scenario_code, planned.step_no
