select distinct definition ->> 'code' as code
from eligibility.scenario_registry
where definition ? 'code'
order by code
