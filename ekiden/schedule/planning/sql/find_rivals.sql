-- Active enrolments that candidates meet: those in exclusive scenarios, and those in the candidate's own scenario where
-- a later anchor starts anew. Their open rows are locked, so that no sender claims what is about to be superseded; what
-- cannot be locked or is no longer waiting is on its way.
insert into pg_temp.rivals (
    enrolment_id, scenario_id, scenario_code, customer_id, is_exclusive, restarts, priority, is_on_its_way
)
-- by customer, so that few candidates meet few enrolments however many there are
with met as materialized (
    select distinct
        enrolments.enrolment_id,
        enrolments.scenario_id,
        scenarios.scenario_code,
        enrolments.customer_id,
        not versions.multi_delivery as is_exclusive,
        versions.on_retrigger = 'restart' and versions.reentry <> 'never' as restarts,
        case
            when waiting.enrolment_id is not null or awaited.enrolment_id is not null
                then coalesce(scenarios.priority, 'infinity'::double precision)
            -- whose row a person deleted waits for nothing: it gives way to every other, NaN being past infinity
            else 'NaN'
        end as priority
    from pg_temp.candidates
    inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id
    inner join outreach.enrolments on candidates.customer_id = enrolments.customer_id
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
    left join outreach.schedule_rows as waiting
        on
            enrolments.enrolment_id = waiting.enrolment_id
            and waiting.state in ('ready', 'held', 'sending', 'failed')
    left join outreach.first_rows_awaited as awaited on enrolments.enrolment_id = awaited.enrolment_id
    where
        enrolments.state = 'active'
        -- a model that left the project keeps nobody from anything
        and scenarios.status <> 'archived'
        and (not versions.multi_delivery or versions.on_retrigger = 'restart')
        and (
            (contestants.is_exclusive and not versions.multi_delivery)
            or (contestants.restarts and candidates.scenario_id = enrolments.scenario_id)
        )
),

locked as materialized (
    select rows.enrolment_id
    from outreach.schedule_rows as rows
    where
        rows.enrolment_id in (select met.enrolment_id from met)
        and rows.state in ('ready', 'held')
    for update skip locked
)

select
    met.*,
    exists(
        select
        from outreach.schedule_rows as rows
        where
            rows.enrolment_id = met.enrolment_id
            and rows.state in ('ready', 'held', 'sending', 'failed')
            and rows.enrolment_id not in (select locked.enrolment_id from locked)
    ) as is_on_its_way
from met
