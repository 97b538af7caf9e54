-- The lock that the pause's own key asks for: where a plan gives the scenario another code, it is waited for here.
select scenario_id
from outreach.scenarios
where scenario_code = %(code)s
for key share
