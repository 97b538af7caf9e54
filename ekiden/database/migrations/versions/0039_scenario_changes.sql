-- What changed of a scenario, when and by whom: settings take effect at once and are overwritten where they stand, so
-- nothing else would tell that a scenario was switched off last week, or by what run. Written by the change itself.

create table outreach.scenario_changes (
    scenario_change_id bigint generated always as identity primary key,
    scenario_id bigint not null references outreach.scenarios,
    -- as definitions call it (of a step, `state`); besides `version` and `model`
    setting text not null,
    step_no integer,
    -- as definitions write it; null: not set, or no scenario yet
    value_before text,
    value_after text,
    changed_at timestamptz not null,
    -- null: from before this was recorded
    actor text,
    -- the plan that registered it; null: `ekiden build` did, or somebody in SQL
    run_id uuid,
    -- of the model as it was built last; null: it left the project
    build_id text,
    git_revision text,
    check (value_before is distinct from value_after),
    check ((setting = 'state') = (step_no is not null))
);

create index scenario_changes_by_scenario on outreach.scenario_changes (scenario_id, scenario_change_id);

-- versions have said of themselves when they came to be, and nothing else did
insert into outreach.scenario_changes (
    scenario_id, setting, value_before, value_after, changed_at, git_revision
)
select
    versions.scenario_id,
    'version' as setting,
    nullif(versions.version_no - 1, 0)::text as value_before,
    versions.version_no::text as value_after,
    versions.created_at,
    versions.git_revision
from outreach.scenario_versions as versions
order by versions.created_at, versions.scenario_version_id;

create function outreach.record_scenario_change(
    changed_scenario_id bigint, changed_setting text, changed_step_no integer, before text, after text
) returns void
language plpgsql as $$
declare
    built_as text;
    built_from text;
begin
    if before is not distinct from after then
        return;
    end if;
    -- dbt's table: there is none before the first build
    if to_regclass('eligibility.scenario_registry') is not null then
        execute
            'select registry.build_id, registry.git_revision from eligibility.scenario_registry as registry'
            ' inner join outreach.scenarios using (model_name) where scenario_id = $1'
        into built_as, built_from
        using changed_scenario_id;
    end if;
    insert into outreach.scenario_changes (
        scenario_id, setting, step_no, value_before, value_after, changed_at, actor, run_id, build_id, git_revision
    )
    values (
        changed_scenario_id, changed_setting, changed_step_no, before, after,
        coalesce(nullif(current_setting('ekiden.now', true), '')::timestamptz, clock_timestamp()),
        coalesce(nullif(current_setting('ekiden.actor', true), ''), 'database role ' || session_user),
        nullif(current_setting('ekiden.run_id', true), '')::uuid,
        built_as, built_from
    );
end;
$$;

create function outreach.record_changed_settings() returns trigger
language plpgsql as $$
declare
    is_new constant boolean := tg_op = 'INSERT';
begin
    perform outreach.record_scenario_change(new.scenario_id, compared.setting, null, compared.before, compared.after)
    from (
        values
        (1, 'model', case when not is_new then old.model_name end, new.model_name),
        (2, 'code', case when not is_new then old.scenario_code end, new.scenario_code),
        (3, 'name', case when not is_new then old.scenario_name end, new.scenario_name),
        (4, 'status', case when not is_new then old.status end, new.status),
        (5, 'disable_mode', case when not is_new then old.disable_mode end, new.disable_mode),
        (6, 'priority', case when not is_new then old.priority::text end, new.priority::text),
        (
            7, 'hold_expires_after_days',
            case when not is_new then old.hold_expires_after_days::text end, new.hold_expires_after_days::text
        ),
        (
            8, 'max_lateness',
            case when not is_new then old.max_lateness_minutes || 'm' end, new.max_lateness_minutes || 'm'
        )
    ) as compared (place, setting, before, after)
    order by compared.place;
    return null;
end;
$$;

create trigger record_settings after insert on outreach.scenarios
for each row execute function outreach.record_changed_settings();
create trigger record_changed_settings after update of
model_name, scenario_code, scenario_name, status, disable_mode, priority, hold_expires_after_days, max_lateness_minutes
on outreach.scenarios
for each row execute function outreach.record_changed_settings();

create function outreach.record_new_version() returns trigger
language plpgsql as $$
begin
    perform outreach.record_scenario_change(
        new.scenario_id, 'version', null,
        (select version_no::text from outreach.scenario_versions where scenario_version_id = old.current_version_id),
        (select version_no::text from outreach.scenario_versions where scenario_version_id = new.current_version_id)
    );
    return null;
end;
$$;

create trigger record_new_version after update of current_version_id on outreach.scenarios
for each row execute function outreach.record_new_version();

create function outreach.record_step_state() returns trigger
language plpgsql as $$
begin
    -- a step of which nothing was said yet runs
    perform outreach.record_scenario_change(
        new.scenario_id, 'state', new.step_no,
        case when tg_op = 'INSERT' then 'enabled' else old.state end, new.state
    );
    return null;
end;
$$;

create trigger record_step_state after insert or update of state on outreach.scenario_steps
for each row execute function outreach.record_step_state();

create function outreach.refuse_forged_scenario_changes() returns trigger
language plpgsql as $$
begin
    -- the first trigger is this one, the one around it that which records a change
    if pg_trigger_depth() < 2 then
        raise exception 'a change of a scenario is recorded by the change itself, never by hand'
        using errcode = 'check_violation', hint = 'edit its definition and build';
    end if;
    return null;
end;
$$;

create trigger refuse_forged_scenario_changes before insert on outreach.scenario_changes
for each statement execute function outreach.refuse_forged_scenario_changes();
create trigger refuse_rewriting before update or delete on outreach.scenario_changes
for each statement execute function outreach.refuse_rewriting();
