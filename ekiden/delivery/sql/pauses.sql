-- Pauses as they are told: open ones, ended ones, or (null) all; those of all sending first.
select
    pauses.pause_id,
    scenarios.scenario_code,
    pauses.cause,
    pauses.reason,
    pauses.paused_by,
    pauses.paused_at,
    pauses.resumed_by,
    pauses.resumed_at,
    pauses.resume_reason
from outreach.sending_pauses as pauses
left join outreach.scenarios on pauses.scenario_id = scenarios.scenario_id
where %(is_open)s::boolean is null or (pauses.resumed_at is null) = %(is_open)s
order by pauses.scenario_id nulls first, pauses.pause_id
