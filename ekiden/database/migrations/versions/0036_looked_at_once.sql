-- A change of many rows is looked at in one pass, where three questions each joined what was with what is. Whether rows
-- that are born have their enrolments is asked once for all of them, without a lock on each: no enrolment is ever
-- deleted, nor is its key changed, so that one which is there stays.

create or replace function outreach.record_schedule_row_changes() returns trigger
language plpgsql set enable_nestloop = off as $$
declare
    together bigint;
    rewritten bigint;
    recorded bigint;
    wanted bigint;
    acting_kind text;
    acting_name text;
    acting_run uuid;
    acting_at timestamptz;
begin
    select
        count(*),
        count(*) filter (where before.state <> after.state),
        count(*) filter (
            where
            before.enrolment_id is distinct from after.enrolment_id
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
            -- what belongs to a state changes with the state, and so is recorded: a send time, a release, a claim
            or (
                before.state = after.state
                and (
                    before.send_at, before.sent_at, before.reason, before.released_at, before.released_by,
                    before.claimed_by, before.claimed_at, before.attempts, before.state_changed_at
                )
                is distinct from (
                    after.send_at, after.sent_at, after.reason, after.released_at, after.released_by,
                    after.claimed_by, after.claimed_at, after.attempts, after.state_changed_at
                )
            )
        )
    into together, wanted, rewritten
    from before
    inner join after using (schedule_row_id);
    if rewritten > 0 then
        raise exception 'what a schedule_row was planned as is never rewritten'
        using errcode = 'check_violation', hint = 'only its state may change, and with it what belongs to the state';
    end if;
    if together <> (select count(*) from before) then
        raise exception 'the key of a schedule_row is never rewritten' using errcode = 'check_violation';
    end if;
    if wanted = 0 then
        return null;
    end if;
    acting_kind := outreach.acting('actor_kind');
    acting_name := outreach.acting('actor');
    acting_run := outreach.acting('run_id')::uuid;
    acting_at := outreach.acting('now')::timestamptz;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'schedule_row', after.schedule_row_id, listed.transition, before.state, after.state,
        listed.actor_kind, acting_name, after.reason,
        acting_run, acting_at
    from before
    inner join after using (schedule_row_id)
    inner join outreach.listed_transitions as listed
        on listed.subject = 'schedule_row' and before.state = listed.from_state and after.state = listed.to_state
        and listed.actor_kind = acting_kind
    where before.state <> after.state;
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'transition refused: % of % changes of a schedule_row are not listed for a %',
            wanted - recorded, wanted, acting_kind
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create or replace function outreach.record_enrolment_changes() returns trigger
language plpgsql set enable_nestloop = off as $$
declare
    together bigint;
    rewritten bigint;
    recorded bigint;
    wanted bigint;
    acting_kind text;
    acting_name text;
    acting_run uuid;
    acting_at timestamptz;
begin
    select
        count(*),
        count(*) filter (where before.state <> after.state),
        count(*) filter (
            where
            before.scenario_id is distinct from after.scenario_id
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
            or (
                before.state = after.state
                and (before.exit_reason, before.exited_at) is distinct from (after.exit_reason, after.exited_at)
            )
            or before.entered_at is distinct from after.entered_at
            or before.plan_run_id is distinct from after.plan_run_id
        )
    into together, wanted, rewritten
    from before
    inner join after using (enrolment_id);
    if rewritten > 0 then
        raise exception 'what an enrolment was planned as is never rewritten'
        using errcode = 'check_violation', hint = 'only its state and what belongs to it may change';
    end if;
    if together <> (select count(*) from before) then
        raise exception 'the key of an enrolment is never rewritten' using errcode = 'check_violation';
    end if;
    if wanted = 0 then
        return null;
    end if;
    acting_kind := outreach.acting('actor_kind');
    acting_name := outreach.acting('actor');
    acting_run := outreach.acting('run_id')::uuid;
    acting_at := outreach.acting('now')::timestamptz;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'enrolment', after.enrolment_id, listed.transition, before.state, after.state,
        listed.actor_kind, acting_name, after.exit_reason,
        acting_run, acting_at
    from before
    inner join after using (enrolment_id)
    inner join outreach.listed_transitions as listed
        on listed.subject = 'enrolment' and before.state = listed.from_state and after.state = listed.to_state
        and listed.actor_kind = acting_kind
        and listed.exit_reason = coalesce(after.exit_reason, '')
    where
        before.state <> after.state
        -- only a blocked enrolment is taken up again (E10)
        and (listed.transition <> 'E10' or before.exit_reason = 'blocked');
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'transition refused: % of % changes of an enrolment are not listed for a %',
            wanted - recorded, wanted, acting_kind
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

create or replace function outreach.record_schedule_row_births() returns trigger
-- each enrolment is looked up by its key: the statement may have been planned when there were few
language plpgsql set enable_nestloop = off set enable_seqscan = off as $$
declare
    recorded bigint;
    wanted bigint;
    acting_kind text;
    acting_name text;
    acting_run uuid;
    acting_at timestamptz;
begin
    select count(*) into wanted from born;
    if wanted = 0 then
        return null;
    end if;
    -- not joined, which would read all enrolments there are
    if exists (
        select from born
        where (
            select enrolments.enrolment_id from outreach.enrolments where enrolments.enrolment_id = born.enrolment_id
        ) is null
    ) then
        raise exception 'a schedule_row is born of an enrolment, and there is none of this number'
        using errcode = 'foreign_key_violation';
    end if;
    acting_kind := outreach.acting('actor_kind');
    acting_name := outreach.acting('actor');
    acting_run := outreach.acting('run_id')::uuid;
    acting_at := outreach.acting('now')::timestamptz;
    insert into outreach.transitions
        (subject, subject_id, transition, from_state, to_state, actor_kind, actor, reason, run_id, transitioned_at)
    select
        'schedule_row', born.schedule_row_id, listed.transition, '', born.state,
        listed.actor_kind, acting_name, born.reason,
        acting_run, acting_at
    from born
    inner join outreach.listed_transitions as listed
        on listed.subject = 'schedule_row' and listed.from_state = '' and listed.to_state = born.state
        and listed.actor_kind = acting_kind;
    get diagnostics recorded = row_count;
    if recorded <> wanted then
        raise exception 'a schedule_row cannot be born in this state by this actor: % of % were listed', recorded, wanted
        using errcode = 'check_violation', hint = 'the listed transitions are in outreach.listed_transitions';
    end if;
    return null;
end;
$$;

-- in the order in which a plan that is under way locks them
lock table outreach.enrolments, outreach.schedule_rows in access exclusive mode;

alter table outreach.schedule_rows drop constraint schedule_rows_enrolment_id_fkey;
