-- Attempts whose outcome nobody knows: what there is to know of each, and how a person settled it.

-- Every row that is on its way, with its latest attempt, and how it stands: `under_way` (its sender is at it),
-- `not_posted` (its sender is gone and surely posted nothing: the next send run frees it) or `unknown`. A sender that
-- has said it does not know is done with the row, whether it lives or not.
create view outreach.rows_on_their_way as
-- asked once for each sender, not for each of its rows
with living as materialized (
    select senders.claimed_by
    from (select distinct claimed_by from outreach.attempts where finished_at is null) as senders
    where outreach.dispatcher_is_alive(senders.claimed_by)
)

select
    scenarios.scenario_code,
    rows.customer_id,
    rows.step_no,
    rows.due_date,
    rows.channel,
    attempts.channel_name,
    attempts.to_address,
    case
        when attempts.outcome = 'unknown' then 'unknown'
        when rows.claimed_by in (select living.claimed_by from living) then 'under_way'
        when attempts.posted_at is null then 'not_posted'
        else 'unknown'
    end as standing,
    attempts.claimed_at,
    attempts.posted_at,
    attempts.finished_at as answered_at,
    attempts.detail as answer,
    attempts.provider_message_id,
    attempts.run_id,
    runs.dagster_run_id,
    runs.actor as sender,
    rows.message_id,
    rows.schedule_row_id,
    attempts.attempt_no
from outreach.schedule_rows as rows
inner join outreach.attempts
    on rows.schedule_row_id = attempts.schedule_row_id and rows.attempts = attempts.attempt_no
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.runs on attempts.run_id = runs.run_id
where rows.state = 'sending';

-- A person's word on one attempt, given once. What was known at that moment is kept with it, because the attempt has
-- room for one answer only.
create table outreach.settlements (
    schedule_row_id bigint not null,
    attempt_no integer not null,
    message_id uuid not null,
    settled_as text not null check (settled_as in ('sent', 'not-sent')),
    settled_by text not null check (settled_by <> ''),
    settled_at timestamptz not null,
    reason text not null check (reason <> ''),
    run_id uuid not null references outreach.runs,
    -- the answer there was, when it came, and the provider's events by then
    answer text,
    answered_at timestamptz,
    events text not null,
    primary key (schedule_row_id, attempt_no),
    foreign key (schedule_row_id, attempt_no) references outreach.attempts (schedule_row_id, attempt_no)
);

create index settlements_by_time on outreach.settlements (settled_at);

create trigger refuse_rewriting before update or delete on outreach.settlements
for each statement execute function outreach.refuse_rewriting();
