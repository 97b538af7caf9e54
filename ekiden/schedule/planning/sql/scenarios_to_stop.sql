-- Of an archived scenario only what was stopped by force is still looked at.
select scenario_id
from outreach.scenarios
where %(scenario_ids)s::bigint[] is null or scenario_id = any(%(scenario_ids)s)
