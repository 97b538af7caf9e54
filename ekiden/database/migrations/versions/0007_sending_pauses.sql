-- Pauses of sending, by a person or by a guard, and what the guards found. A pause is open until somebody resumes it;
-- both ends say who, when and why, and neither is ever rewritten.

create table outreach.sending_pauses (
    pause_id bigint generated always as identity primary key,
    -- null: all sending
    scenario_id bigint references outreach.scenarios,
    -- provider: the account with the provider is suspended or wrong
    cause text not null check (cause in ('operator', 'invariant', 'freshness', 'provider')),
    reason text not null check (reason <> ''),
    paused_by text not null check (paused_by <> ''),
    paused_at timestamptz not null,
    dagster_run_id text,
    resumed_by text check (resumed_by <> ''),
    resumed_at timestamptz,
    resume_reason text check (resume_reason <> ''),
    check (
        (resumed_by is null) = (resumed_at is null)
        and (resumed_by is null) = (resume_reason is null)
    )
);

create index open_pauses on outreach.sending_pauses (scenario_id) where resumed_at is null;

create function outreach.refuse_rewriting_of_pauses() returns trigger
language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.resumed_at is null and new.resumed_at is not null
        and (new.pause_id, new.cause, new.reason, new.paused_by, new.paused_at)
        = (old.pause_id, old.cause, old.reason, old.paused_by, old.paused_at)
        and new.scenario_id is not distinct from old.scenario_id
        and new.dagster_run_id is not distinct from old.dagster_run_id
    then
        return new;
    end if;
    raise exception '% on outreach.sending_pauses is refused: a pause is only ever ended, once', tg_op
    using errcode = 'check_violation', hint = 'use `ekiden pause` and `ekiden resume`';
end;
$$;

create trigger refuse_rewriting before update or delete on outreach.sending_pauses
for each row execute function outreach.refuse_rewriting_of_pauses();

-- What a guard paused sending for. Whoever resumes has seen it: the same finding never pauses again, a new one does.
create table outreach.guard_findings (
    guard text not null,
    -- the offending row as the guard's query returned it, as JSON
    finding text not null,
    pause_id bigint not null references outreach.sending_pauses,
    found_at timestamptz not null,
    primary key (guard, finding)
);

create trigger refuse_rewriting before update or delete on outreach.guard_findings
for each statement execute function outreach.refuse_rewriting();

-- the scenarios whose rows nobody may claim or export now
create view outreach.paused_scenarios as
select scenarios.scenario_id
from outreach.scenarios
where exists (
    select
    from outreach.sending_pauses as pauses
    where pauses.resumed_at is null and (pauses.scenario_id is null or pauses.scenario_id = scenarios.scenario_id)
);
