-- How each scenario of this part is swept, and how far the last sweep reached.
select
    sweeping.scenario_id,
    sweeping.whole_because,
    last.anchored_from as swept_from,
    last.anchored_to as swept_to,
    last.swept_at
from pg_temp.sweeping
left join outreach.sweeps as last on sweeping.scenario_id = last.scenario_id and last.part = %(part)s
