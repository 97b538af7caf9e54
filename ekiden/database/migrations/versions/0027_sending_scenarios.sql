-- The scenarios whose rows may be claimed and exported now: switched on, and not paused.
create view outreach.sending_scenarios as
select
    scenarios.scenario_id,
    scenarios.scenario_code,
    scenarios.relation_name
from outreach.scenarios
where
    scenarios.may_send
    and scenarios.scenario_id not in (select paused.scenario_id from outreach.paused_scenarios as paused);
