-- Where each scenario stands before one part of a sweep: whether everybody must be looked at, and why. What changed
-- from the oldest running transaction on may not be seen by this sweep, and is looked at by the next one again.
insert into pg_temp.sweeping (
    scenario_id, scenario_version_id, table_oid, system_identifier, contains_before, whole_because
)
with present as (
    select
        scenarios.scenario_id,
        scenarios.current_version_id,
        versions.backfill_as_of,
        control.system_identifier,
        -- of an archived scenario no table is read any more; one with a broken definition has none that can be
        case when scenarios.status = 'archived' then 0::oid else followed.table_oid end as table_oid,
        case when scenarios.status = 'archived' then '-infinity' else followed.turns_from end as turns_from,
        case when scenarios.status = 'archived' then 'infinity' else followed.turns_before end as turns_before
    from outreach.scenarios
    inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
    cross join pg_control_system() as control
    left join changed.followed_tables as followed
        on
            to_regclass(scenarios.relation_name)::oid = followed.table_oid
            and control.system_identifier = followed.system_identifier
            and scenarios.model_name <> all(%(broken_models)s)
    where scenarios.scenario_id = any(%(scenario_ids)s)
)

select
    present.scenario_id,
    present.current_version_id,
    present.table_oid,
    present.system_identifier,
    pg_snapshot_xmin(pg_current_snapshot()),
    case
        when present.table_oid is null then 'nothing notes what changes in its table'
        when last.scenario_id is null then 'it was not swept before, or not the last time'
        when last.scenario_version_id <> present.current_version_id then 'it was edited'
        when
            last.table_oid <> present.table_oid
            or last.system_identifier <> present.system_identifier
            or last.contains_before > pg_snapshot_xmax(pg_current_snapshot())
            then 'its table was made anew'
        when last.swept_at > %(now)s then 'the clock was set back'
        when last.swept_at < present.turns_from then 'what began before then is not known'
        when %(now)s >= present.turns_before then 'what begins by now is not known'
        when
            %(part)s = 'entries'
            and present.backfill_as_of = 'due_date'
            and coalesce(last.batch_time <> %(batch_time)s::time, true)
            then 'days gone by are judged at another time'
        when last.blocks_everywhere and not %(blocks_everywhere)s then 'who is blocked elsewhere may enter now'
        when
            exists (
                select
                from changed.eligibility_changes as changes
                where
                    changes.table_oid = last.table_oid
                    and changes.transaction_id >= last.contains_before
                    and changes.customer_id is null
            )
            then 'too much changed'
        when
            exists (
                select
                from outreach.enrolment_changes as changes
                where
                    changes.scenario_id = last.scenario_id
                    and changes.transaction_id >= last.contains_before
                    and changes.customer_id is null
            )
            then 'a step was switched'
    end as whole_because
from present
left join outreach.sweeps as last on present.scenario_id = last.scenario_id and last.part = %(part)s
