-- What scenarios compete by, how they are switched off, and what an edit does to those who are in them.

alter table outreach.scenarios
-- operating settings: they take effect at once, for every version's rows
add column disable_mode text not null default 'freeze' check (disable_mode in ('freeze', 'drain')),
-- 1 is the best; empty comes after every number
add column priority integer,
-- the version whose entry conditions the active enrolments were last held against, or that asked for no such thing
add column reevaluated_version_id bigint references outreach.scenario_versions,
-- enabled, or drained: what waits still goes out (C-14)
add column may_send boolean not null generated always as (
    status = 'enabled' or (status = 'disabled' and disable_mode = 'drain')
) stored;

alter table outreach.scenario_versions
add column on_retrigger text not null default 'ignore' check (on_retrigger in ('ignore', 'restart')),
add column multi_delivery boolean not null default true,
add column reevaluate_on_update boolean not null default false;

comment on column outreach.scenario_versions.multi_delivery is
'false: exclusive, of those scenarios only the best by priority admits a customer (C-07)';

-- enrolments whose scenario has its customers to itself; a model that left the project keeps nobody from anything
create view outreach.exclusive_enrolments as
select
    enrolments.enrolment_id,
    enrolments.scenario_id,
    enrolments.customer_id,
    enrolments.state
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
where not versions.multi_delivery and scenarios.status <> 'archived';
