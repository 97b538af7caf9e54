-- How late a message may go: a word about a full cart is soon out of place, one about a birthday week is not.

alter table outreach.scenarios
-- an operating setting: it takes effect at once, for every version's rows; empty: as the deployment has it
add column max_lateness_minutes integer check (max_lateness_minutes > 0);

comment on column outreach.scenarios.max_lateness_minutes is
'minutes after its time in which a message may still go out unreleased; null: as EKIDEN_MAX_LATENESS says';

create or replace view outreach.sending_scenarios as
select
    scenarios.scenario_id,
    scenarios.scenario_code,
    scenarios.relation_name,
    scenarios.max_lateness_minutes
from outreach.scenarios
where
    scenarios.may_send
    and scenarios.scenario_id not in (select paused.scenario_id from outreach.paused_scenarios as paused);
