-- How long a row may be held before nobody waits for it any more.

alter table outreach.scenarios
-- an operating setting: it takes effect at once, for every version's rows; empty: for ever
add column hold_expires_after_days integer check (hold_expires_after_days >= 0);

comment on column outreach.scenarios.hold_expires_after_days is
'local days after which a hold that nobody chose expires with the next plan';

-- with its held row expired a chain goes no further; it is the planner that notices
insert into outreach.listed_transitions (subject, transition, from_state, to_state, actor_kind, exit_reason) values
('enrolment', 'E6', 'active', 'stopped', 'materialiser', 'step_not_sent');
