-- After how many days a step is due is decided when its version is written, and never again.

alter table outreach.scenario_version_steps
add column due_after_days integer check (due_after_days >= 0);

comment on column outreach.scenario_version_steps.due_after_days is
'days from what the offset counts from to the due date: offset_days, and for 0 days what zero_day says (C-01)';

-- a version is written once; this says of those there are what they meant all along
alter table outreach.scenario_version_steps disable trigger refuse_rewriting;
update outreach.scenario_version_steps as steps
set
    due_after_days
    = case when steps.offset_days = 0 and versions.zero_day = 'next_day' then 1 else steps.offset_days end
from outreach.scenario_versions as versions
where steps.scenario_version_id = versions.scenario_version_id;
alter table outreach.scenario_version_steps enable trigger refuse_rewriting;

alter table outreach.scenario_version_steps alter column due_after_days set not null;
