-- The scenarios that the ledger knows.
select
    scenario_code,
    scenario_id
from outreach.scenarios
