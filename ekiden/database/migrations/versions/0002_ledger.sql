-- The ledger: who entered which scenario, every row of their schedules, every transition, every attempt, every message.
-- Names, states and transitions are those of docs/ledger.md. Nothing here is ever rewritten: rows change state only
-- along the listed transitions, and the triggers below see to it, whoever asks.

create table outreach.schedule_row_states (
    state text primary key,
    label_ja text not null,
    is_open boolean not null
);

insert into outreach.schedule_row_states (state, label_ja, is_open) values
('ready', '実施可能', true),
('held', '実施保留', true),
('sending', '送信中', true),
('failed', '送信エラー', true),
('sent', '実施済', false),
('completed', '実施完了', false),
('blocked', '配信不可', false),
('skipped', '送信対象外', false),
('cancelled', '停止', false),
('deleted', '削除', false);

create table outreach.enrolment_states (
    state text primary key,
    label_ja text not null
);

insert into outreach.enrolment_states (state, label_ja) values
('active', '流入中'),
('completed', '全ステップ配信済'),
('stopped', '流出'),
('removed', '削除');

-- '' as from_state: a birth; exit_reason: the one an enrolment ends with, '' elsewhere
create table outreach.listed_transitions (
    subject text not null check (subject in ('schedule_row', 'enrolment')),
    transition text not null,
    from_state text not null,
    to_state text not null,
    actor_kind text not null check (actor_kind in ('materialiser', 'dispatcher', 'exporter', 'operator')),
    exit_reason text not null default '',
    primary key (subject, from_state, to_state, actor_kind, exit_reason)
);

insert into outreach.listed_transitions (subject, transition, from_state, to_state, actor_kind) values
('schedule_row', 'T1', '', 'ready', 'materialiser'),
('schedule_row', 'T1', '', 'ready', 'dispatcher'),
('schedule_row', 'T1', '', 'ready', 'exporter'),
('schedule_row', 'T2', '', 'held', 'materialiser'),
('schedule_row', 'T2', '', 'held', 'dispatcher'),
('schedule_row', 'T2', '', 'held', 'exporter'),
('schedule_row', 'T3', 'held', 'ready', 'operator'),
('schedule_row', 'T4', 'ready', 'held', 'operator'),
('schedule_row', 'T5', 'ready', 'held', 'dispatcher'),
('schedule_row', 'T6', 'ready', 'sending', 'dispatcher'),
('schedule_row', 'T7', 'sending', 'sent', 'dispatcher'),
('schedule_row', 'T8', 'sending', 'skipped', 'dispatcher'),
('schedule_row', 'T9', 'sending', 'failed', 'dispatcher'),
('schedule_row', 'T10', 'failed', 'ready', 'dispatcher'),
('schedule_row', 'T10', 'failed', 'ready', 'operator'),
('schedule_row', 'T11', 'ready', 'sent', 'exporter'),
('schedule_row', 'T12', 'ready', 'completed', 'operator'),
('schedule_row', 'T12', 'held', 'completed', 'operator'),
('schedule_row', 'T13', 'ready', 'blocked', 'operator'),
('schedule_row', 'T13', 'held', 'blocked', 'operator'),
('schedule_row', 'T13', 'failed', 'blocked', 'operator'),
('schedule_row', 'T14', 'blocked', 'held', 'operator'),
('schedule_row', 'T15', 'ready', 'cancelled', 'materialiser'),
('schedule_row', 'T15', 'ready', 'cancelled', 'dispatcher'),
('schedule_row', 'T15', 'held', 'cancelled', 'materialiser'),
('schedule_row', 'T15', 'held', 'cancelled', 'dispatcher'),
('schedule_row', 'T16', 'ready', 'deleted', 'operator'),
('schedule_row', 'T16', 'held', 'deleted', 'operator'),
('schedule_row', 'T16', 'completed', 'deleted', 'operator'),
('schedule_row', 'T16', 'blocked', 'deleted', 'operator'),
('schedule_row', 'T16', 'skipped', 'deleted', 'operator'),
('schedule_row', 'T16', 'cancelled', 'deleted', 'operator'),
('schedule_row', 'T16', 'failed', 'deleted', 'operator');

insert into outreach.listed_transitions (subject, transition, from_state, to_state, actor_kind, exit_reason) values
('enrolment', 'E1', '', 'active', 'materialiser', ''),
('enrolment', 'E2', 'active', 'completed', 'dispatcher', ''),
('enrolment', 'E2', 'active', 'completed', 'exporter', ''),
('enrolment', 'E3', 'active', 'stopped', 'materialiser', 'stop_condition'),
('enrolment', 'E3', 'active', 'stopped', 'dispatcher', 'stop_condition'),
('enrolment', 'E4', 'active', 'stopped', 'materialiser', 'force_stopped'),
('enrolment', 'E4', 'active', 'stopped', 'dispatcher', 'force_stopped'),
('enrolment', 'E4', 'active', 'stopped', 'exporter', 'force_stopped'),
('enrolment', 'E5', 'active', 'stopped', 'operator', 'blocked'),
('enrolment', 'E5', 'active', 'stopped', 'operator', 'manual_complete'),
('enrolment', 'E6', 'active', 'stopped', 'dispatcher', 'step_not_sent'),
-- a list's next step may be past its date as well, where the scenario skips such steps
('enrolment', 'E6', 'active', 'stopped', 'exporter', 'step_not_sent'),
('enrolment', 'E7', 'active', 'stopped', 'materialiser', 'superseded'),
('enrolment', 'E9', 'active', 'removed', 'operator', ''),
('enrolment', 'E9', 'stopped', 'removed', 'operator', ''),
('enrolment', 'E9', 'completed', 'removed', 'operator', ''),
('enrolment', 'E10', 'stopped', 'active', 'operator', '');

-- one planning, sending or operator action; the Dagster run it belongs to, where there is one
create table outreach.runs (
    run_id uuid primary key,
    kind text not null check (kind in ('plan', 'send', 'export', 'operate', 'reconcile')),
    partition_from date,
    partition_to date,
    actor_kind text not null,
    actor text not null,
    dagster_run_id text,
    git_revision text,
    started_at timestamptz not null,
    finished_at timestamptz,
    outcome text check (outcome in ('succeeded', 'failed')),
    summary jsonb not null default '{}'
);

create index runs_by_partition on outreach.runs (kind, partition_to);

create table outreach.scenarios (
    scenario_id bigint generated always as identity primary key,
    model_name text not null unique,
    scenario_code text not null,
    scenario_name text not null,
    status text not null check (status in ('draft', 'enabled', 'disabled', 'archived')),
    relation_name text not null,
    current_version_id bigint,
    updated_at timestamptz not null,
    -- codes are editable (R-012), so two scenarios may swap theirs within one synchronisation
    constraint scenario_code_is_unique unique (scenario_code) deferrable initially deferred
);

-- immutable: an edit makes another version, and rows keep theirs (R-031)
create table outreach.scenario_versions (
    scenario_version_id bigint generated always as identity primary key,
    scenario_id bigint not null references outreach.scenarios,
    version_no integer not null,
    definition jsonb not null,
    live_function text,
    git_revision text,
    created_at timestamptz not null,
    -- the definition's settings that planning and sending read, defaults filled in
    reentry text not null,
    enrol_at text not null,
    zero_day text not null,
    offset_basis text not null,
    past_date_policy text not null,
    past_time_today text not null,
    consent_recheck boolean not null,
    on_skip text not null,
    look_back_days integer,
    period_from date,
    period_to date,
    -- empty: any time of the day
    send_window_from time,
    send_window_to time,
    unique (scenario_id, version_no)
);

alter table outreach.scenarios
add constraint current_version_exists foreign key (current_version_id) references outreach.scenario_versions;

create table outreach.scenario_version_steps (
    scenario_version_id bigint not null references outreach.scenario_versions,
    step_no integer not null check (step_no between 1 and 10),
    channel text not null,
    offset_days integer not null check (offset_days >= 0),
    send_time time not null,
    auto_send_time text not null,
    content text not null,
    primary key (scenario_version_id, step_no)
);

-- whether a step runs today, whatever the version of the row: forced stops reach rows that already exist (R-135c)
create table outreach.scenario_steps (
    scenario_id bigint not null references outreach.scenarios,
    step_no integer not null,
    state text not null check (state in ('enabled', 'force_stopped')),
    primary key (scenario_id, step_no)
);

create table outreach.enrolments (
    enrolment_id bigint generated always as identity primary key,
    scenario_id bigint not null references outreach.scenarios,
    scenario_version_id bigint not null references outreach.scenario_versions,
    customer_id text not null,
    -- what may enter only once: the customer ('' with reentry never) or the anchor
    entry_key text not null,
    anchor_kind text not null,
    anchor_key text not null,
    anchor_at timestamptz not null,
    anchor_date date not null,
    state text not null references outreach.enrolment_states,
    exit_reason text check (
        exit_reason in (
            'stop_condition', 'force_stopped', 'blocked', 'manual_complete', 'step_not_sent', 'superseded'
        )
    ),
    entered_at timestamptz not null,
    exited_at timestamptz,
    plan_run_id uuid not null references outreach.runs,
    partition_date date not null,
    eligibility_build_id text,
    eligibility_git_revision text,
    check ((state = 'stopped') = (exit_reason is not null))
);

create unique index one_enrolment_per_entry on outreach.enrolments (scenario_id, customer_id, entry_key)
where state <> 'removed';
create index enrolments_by_customer on outreach.enrolments (customer_id);
create index active_enrolments on outreach.enrolments (scenario_id) where state = 'active';

create table outreach.schedule_rows (
    schedule_row_id bigint generated always as identity primary key,
    enrolment_id bigint not null references outreach.enrolments,
    scenario_id bigint not null references outreach.scenarios,
    scenario_version_id bigint not null references outreach.scenario_versions,
    customer_id text not null,
    step_no integer not null,
    channel text not null,
    due_date date not null,
    planned_send_at timestamptz not null,
    send_at timestamptz,
    sent_at timestamptz,
    state text not null references outreach.schedule_row_states,
    reason text,
    -- the id the message will carry, the same in every attempt, so that a channel can tell a repetition
    message_id uuid not null unique default gen_random_uuid(),
    attempts integer not null default 0,
    claimed_by integer,
    claimed_at timestamptz,
    released_at timestamptz,
    released_by text,
    run_id uuid not null references outreach.runs,
    partition_date date not null,
    created_at timestamptz not null,
    state_changed_at timestamptz not null,
    check (state <> 'held' or send_at is null),
    check (state not in ('ready', 'sending', 'sent') or send_at is not null),
    check ((state = 'sent') = (sent_at is not null)),
    check ((state = 'sending') = (claimed_by is not null))
);

comment on column outreach.schedule_rows.reason is
'hold_reason, skip_reason or the reason of the cancellation, by state';

create unique index one_row_per_step on outreach.schedule_rows (enrolment_id, step_no) where state <> 'deleted';
create unique index one_open_row_per_enrolment on outreach.schedule_rows (enrolment_id)
where state in ('ready', 'held', 'sending', 'failed');
create index ready_rows_by_time on outreach.schedule_rows (send_at, schedule_row_id) where state = 'ready';
create index open_rows_by_scenario on outreach.schedule_rows (scenario_id, due_date)
where state in ('ready', 'held', 'sending', 'failed');
create index rows_by_due_date on outreach.schedule_rows (due_date, scenario_id);
create index rows_by_customer on outreach.schedule_rows (customer_id);

create table outreach.transitions (
    transition_id bigint generated always as identity primary key,
    subject text not null check (subject in ('schedule_row', 'enrolment')),
    -- of a schedule row or of an enrolment, as the subject says
    subject_id bigint not null,
    transition text not null,
    from_state text not null,
    to_state text not null,
    actor_kind text not null,
    actor text not null,
    reason text,
    run_id uuid,
    transitioned_at timestamptz not null
);

create index transitions_by_subject on outreach.transitions (subject, subject_id);

-- dispatchers hold an advisory lock on their number while they live: a claim whose lock is free has lost its sender
create sequence outreach.dispatcher_numbers as integer cycle;

create function outreach.dispatcher_is_alive(dispatcher integer) returns boolean
language sql stable as $$
    select exists (
        select
        from pg_locks
        where
            pg_locks.locktype = 'advisory'
            and pg_locks.database = (select db.oid from pg_database as db where db.datname = current_database())
            -- the class under which dispatchers lock their numbers (LOCK_CLASS in ekiden/delivery/lease.py)
            and pg_locks.classid = 6646633
            and pg_locks.objid = dispatcher
            and pg_locks.granted
    )
$$;

create table outreach.attempts (
    schedule_row_id bigint not null references outreach.schedule_rows,
    attempt_no integer not null,
    message_id uuid not null,
    channel_name text not null,
    claimed_by integer not null,
    claimed_at timestamptz not null,
    run_id uuid not null references outreach.runs,
    -- set and committed before the provider hears of it: without it, nothing was ever posted
    posted_at timestamptz,
    finished_at timestamptz,
    outcome text check (outcome in ('accepted', 'refused', 'not_sent', 'withheld', 'unknown')),
    to_address text,
    newsletter_status text,
    consent_read_at timestamptz,
    content_hash text,
    provider_message_id text,
    detail text,
    primary key (schedule_row_id, attempt_no)
);

create index unfinished_attempts on outreach.attempts (claimed_by) where finished_at is null;

create table outreach.messages (
    message_id uuid primary key,
    schedule_row_id bigint not null unique references outreach.schedule_rows,
    enrolment_id bigint not null references outreach.enrolments,
    scenario_id bigint not null references outreach.scenarios,
    scenario_version_id bigint not null references outreach.scenario_versions,
    customer_id text not null,
    step_no integer not null,
    channel text not null,
    channel_name text not null,
    anchor_kind text not null,
    anchor_key text not null,
    anchor_date date not null,
    due_date date not null,
    planned_send_at timestamptz not null,
    send_at timestamptz not null,
    sent_at timestamptz not null,
    to_address text,
    newsletter_status text,
    consent_read_at timestamptz,
    content_hash text,
    provider_message_id text,
    plan_run_id uuid not null references outreach.runs,
    plan_partition_date date not null,
    eligibility_build_id text,
    eligibility_git_revision text,
    send_run_id uuid not null references outreach.runs,
    released_at timestamptz,
    released_by text
);

create index messages_by_customer on outreach.messages (customer_id);
create index messages_by_sent_at on outreach.messages (sent_at);

-- hard: no setting overrides an entry (R-110d, C-09); an address stands in lower case
create table outreach.suppression_list (
    suppression_id bigint generated always as identity primary key,
    customer_id text,
    address text check (address = lower(address)),
    reason text not null check (
        reason in ('unsubscribed', 'bounced', 'complained', 'do_not_deliver', 'invalid_address', 'suppressed')
    ),
    source text not null,
    suppressed_at timestamptz not null,
    check (customer_id is not null or address is not null)
);

create unique index one_suppression_per_customer on outreach.suppression_list (customer_id) where address is null;
create unique index one_suppression_per_address on outreach.suppression_list (address) where customer_id is null;

-- Who acts, in which run and at what time is said once per transaction, with set_config('ekiden.…', …, true).
create function outreach.acting(setting text) returns text
language plpgsql stable as $$
declare
    value text := nullif(current_setting('ekiden.' || setting, true), '');
begin
    if value is null and setting <> 'run_id' then
        raise exception 'the ledger does not change without an actor: ekiden.% is not set', setting
        using hint = 'use the ekiden commands or the Dagster jobs; they set actor, run and time';
    end if;
    return value;
end;
$$;

-- A transition that is not listed fails its whole statement, whoever tries; a listed one is recorded. By statement,
-- not by row, so that a set of any size costs one join.

create function outreach.record_enrolment_births() returns trigger
language plpgsql as $$
declare
    recorded bigint;
    wanted bigint;
begin
    select count(*) into wanted from born;
    if wanted = 0 then
        return null;
    end if;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'enrolment', born.enrolment_id, listed.transition, '', born.state,
        listed.actor_kind, outreach.acting('actor'), born.exit_reason,
        outreach.acting('run_id')::uuid, outreach.acting('now')::timestamptz
    from born
    inner join outreach.listed_transitions as listed
        on listed.subject = 'enrolment' and listed.from_state = '' and listed.to_state = born.state
        and listed.actor_kind = outreach.acting('actor_kind');
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'an enrolment cannot be born in this state by this actor: % of % were listed', recorded, wanted
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create trigger record_births after insert on outreach.enrolments
referencing new table as born
for each statement execute function outreach.record_enrolment_births();

create function outreach.record_enrolment_changes() returns trigger
language plpgsql as $$
declare
    recorded bigint;
    wanted bigint;
begin
    if exists (
        select from before
        inner join after using (enrolment_id)
        where before.scenario_id is distinct from after.scenario_id
            or before.scenario_version_id is distinct from after.scenario_version_id
            or before.customer_id is distinct from after.customer_id
            or before.entry_key is distinct from after.entry_key
            or before.anchor_kind is distinct from after.anchor_kind
            or before.anchor_key is distinct from after.anchor_key
            or before.anchor_at is distinct from after.anchor_at
            or before.anchor_date is distinct from after.anchor_date
            or before.partition_date is distinct from after.partition_date
            or before.eligibility_build_id is distinct from after.eligibility_build_id
            or before.eligibility_git_revision is distinct from after.eligibility_git_revision
            or (before.state = after.state and before.exit_reason is distinct from after.exit_reason)
            or before.entered_at is distinct from after.entered_at
            or before.plan_run_id is distinct from after.plan_run_id
    ) then
        raise exception 'what an enrolment was planned as is never rewritten'
        using errcode = 'check_violation', hint = 'only its state and what belongs to it may change';
    end if;
    if (select count(*) from before) <> (select count(*) from before inner join after using (enrolment_id)) then
        raise exception 'the key of an enrolment is never rewritten' using errcode = 'check_violation';
    end if;
    select count(*) into wanted
    from before
    inner join after using (enrolment_id)
    where before.state <> after.state;
    if wanted = 0 then
        return null;
    end if;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'enrolment', after.enrolment_id, listed.transition, before.state, after.state,
        listed.actor_kind, outreach.acting('actor'), after.exit_reason,
        outreach.acting('run_id')::uuid, outreach.acting('now')::timestamptz
    from before
    inner join after using (enrolment_id)
    inner join outreach.listed_transitions as listed
        on listed.subject = 'enrolment' and before.state = listed.from_state and after.state = listed.to_state
        and listed.actor_kind = outreach.acting('actor_kind')
        and listed.exit_reason = coalesce(after.exit_reason, '')
    where
        before.state <> after.state
        -- only a blocked enrolment is taken up again (E10)
        and (listed.transition <> 'E10' or before.exit_reason = 'blocked');
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'transition refused: % of % changes of an enrolment are not listed for a %',
            wanted - recorded, wanted, outreach.acting('actor_kind')
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create trigger record_changes after update on outreach.enrolments
referencing old table as before new table as after
for each statement execute function outreach.record_enrolment_changes();

create function outreach.record_schedule_row_births() returns trigger
language plpgsql as $$
declare
    recorded bigint;
    wanted bigint;
begin
    select count(*) into wanted from born;
    if wanted = 0 then
        return null;
    end if;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'schedule_row', born.schedule_row_id, listed.transition, '', born.state,
        listed.actor_kind, outreach.acting('actor'), born.reason,
        outreach.acting('run_id')::uuid, outreach.acting('now')::timestamptz
    from born
    inner join outreach.listed_transitions as listed
        on listed.subject = 'schedule_row' and listed.from_state = '' and listed.to_state = born.state
        and listed.actor_kind = outreach.acting('actor_kind');
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'a schedule_row cannot be born in this state by this actor: % of % were listed', recorded, wanted
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create trigger record_births after insert on outreach.schedule_rows
referencing new table as born
for each statement execute function outreach.record_schedule_row_births();

create function outreach.record_schedule_row_changes() returns trigger
language plpgsql as $$
declare
    recorded bigint;
    wanted bigint;
begin
    if exists (
        select from before
        inner join after using (schedule_row_id)
        where before.enrolment_id is distinct from after.enrolment_id
            or before.scenario_id is distinct from after.scenario_id
            or before.scenario_version_id is distinct from after.scenario_version_id
            or before.customer_id is distinct from after.customer_id
            or before.step_no is distinct from after.step_no
            or before.channel is distinct from after.channel
            or before.due_date is distinct from after.due_date
            or before.planned_send_at is distinct from after.planned_send_at
            or before.message_id is distinct from after.message_id
            or before.partition_date is distinct from after.partition_date
            or (
                before.state = 'sent'
                and (before.sent_at, before.released_at, before.released_by)
                is distinct from (after.sent_at, after.released_at, after.released_by)
            )
            or before.run_id is distinct from after.run_id
            or before.created_at is distinct from after.created_at
    ) then
        raise exception 'what a schedule_row was planned as is never rewritten'
        using errcode = 'check_violation', hint = 'only its state and what belongs to it may change';
    end if;
    if (select count(*) from before) <> (select count(*) from before inner join after using (schedule_row_id)) then
        raise exception 'the key of a schedule_row is never rewritten' using errcode = 'check_violation';
    end if;
    select count(*) into wanted
    from before
    inner join after using (schedule_row_id)
    where before.state <> after.state;
    if wanted = 0 then
        return null;
    end if;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'schedule_row', after.schedule_row_id, listed.transition, before.state, after.state,
        listed.actor_kind, outreach.acting('actor'), after.reason,
        outreach.acting('run_id')::uuid, outreach.acting('now')::timestamptz
    from before
    inner join after using (schedule_row_id)
    inner join outreach.listed_transitions as listed
        on listed.subject = 'schedule_row' and before.state = listed.from_state and after.state = listed.to_state
        and listed.actor_kind = outreach.acting('actor_kind')
    where before.state <> after.state;
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'transition refused: % of % changes of a schedule_row are not listed for a %',
            wanted - recorded, wanted, outreach.acting('actor_kind')
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create trigger record_changes after update on outreach.schedule_rows
referencing old table as before new table as after
for each statement execute function outreach.record_schedule_row_changes();

create function outreach.refuse_rewriting() returns trigger
language plpgsql as $$
begin
    raise exception '% on %.% is refused: the ledger is append-only', tg_op, tg_table_schema, tg_table_name
    using errcode = 'check_violation', hint = 'schedule rows are deleted by the state "deleted"';
end;
$$;

create trigger refuse_deletion before delete on outreach.enrolments
for each statement execute function outreach.refuse_rewriting();
create trigger refuse_deletion before delete on outreach.schedule_rows
for each statement execute function outreach.refuse_rewriting();
create trigger refuse_rewriting before update or delete on outreach.transitions
for each statement execute function outreach.refuse_rewriting();
create trigger refuse_rewriting before update or delete on outreach.messages
for each statement execute function outreach.refuse_rewriting();
create trigger refuse_rewriting before update or delete on outreach.scenario_versions
for each statement execute function outreach.refuse_rewriting();
create trigger refuse_rewriting before update or delete on outreach.scenario_version_steps
for each statement execute function outreach.refuse_rewriting();

-- the operator's view: every row that is not deleted, with the states' Japanese names
create view outreach.operator_rows as
select
    scenarios.scenario_code,
    rows.customer_id,
    rows.step_no,
    rows.due_date,
    rows.state,
    states.label_ja as state_ja,
    rows.reason,
    rows.send_at,
    rows.sent_at,
    rows.planned_send_at,
    rows.channel,
    rows.released_at,
    rows.released_by,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.anchor_date,
    enrolments.state as enrolment_state,
    enrolments.exit_reason,
    versions.version_no as scenario_version,
    rows.partition_date,
    rows.message_id,
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.scenario_id,
    rows.state_changed_at
from outreach.schedule_rows as rows
inner join outreach.enrolments as enrolments on rows.enrolment_id = enrolments.enrolment_id
inner join outreach.scenarios as scenarios on rows.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on rows.scenario_version_id = versions.scenario_version_id
inner join outreach.schedule_row_states as states on rows.state = states.state
where rows.state <> 'deleted';
