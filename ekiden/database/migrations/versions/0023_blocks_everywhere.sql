-- Whether the sweep left out who was blocked in another scenario: once that is no more so, everybody is looked at.
alter table outreach.sweeps add column blocks_everywhere boolean not null default false;

update outreach.decision_rules
set rule_in_words = 'a person had blocked the customer in this scenario, or in another where a block counts everywhere'
where rule = 'blocked_before';
