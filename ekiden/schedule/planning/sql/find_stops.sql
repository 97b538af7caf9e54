-- Active enrolments of one scenario version whose stop condition holds now: those with a row that can still be
-- cancelled, and those that wait for their first row. A row on its way is left to its sender. An entry into a segment
-- that is no anchor any more never was one: a fact that reached us late took it back. In a table that may break the
-- contract it tells nothing: the anchor may be there under another kind, and is looked for again by the next sweep.
with found as (
    select
        stoppable.enrolment_id,
        (
            -- no sooner than the anchor: what was before that the enrolment was not about. What has no history, like a
            -- customer's gender, did not hold as they came in, and began nobody knows when
            select case when not lower_inf(span) then greatest(lower(span), eligibility.anchor_at) end
            from unnest(eligibility.stop_during) as span
            where span @> %(now)s::timestamptz
        ) as left_at,
        coalesce(stoppable.row_state, 'ready') in ('ready', 'held')
        and (eligibility.customer_id is not null or %(absence_tells)s) as is_to_end
    from pg_temp.stoppable
    left join {eligibility} as eligibility
        on
            stoppable.customer_id = eligibility.customer_id
            and stoppable.anchor_kind = eligibility.anchor_kind
            and stoppable.anchor_key = eligibility.anchor_key
    where
        stoppable.scenario_id = %(scenario_id)s
        and stoppable.scenario_version_id = %(scenario_version_id)s
        and (
            eligibility.stop_during @> %(now)s::timestamptz
            or (stoppable.anchor_kind = 'entered' and eligibility.customer_id is null)
        )
),

left_alone as (
    insert into pg_temp.left_alone (enrolment_id)
    select enrolment_id from found
    where not is_to_end
    on conflict do nothing
)

insert into pg_temp.stops (enrolment_id, reason, left_at)
select
    enrolment_id,
    'stop_condition' as reason,
    left_at
from found
where is_to_end
on conflict do nothing
