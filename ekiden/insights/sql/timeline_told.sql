-- A part of timeline.sql: what providers told of one customer's messages, and to whom nothing is to be sent.
with suppressions as (
    select
        suppressed_at as occurred_at,
        suppression_id as sequence_no,
        'suppressed' as kind,
        null::text as scenario_code,
        null::integer as step_no,
        jsonb_build_object('reason', reason, 'source', source, 'to_address', address) as details
    from outreach.suppression_list
    where
        customer_id = %(customer_id)s
        or address = any(%(addresses)s::text[])
),

message_events as (
    select
        events.happened_at as occurred_at,
        -- of the same second, in the order in which they come about
        coalesce(
            array_position(
                array['processed', 'dropped', 'deferred', 'delivered', 'blocked', 'bounce', 'open', 'click'],
                events.kind
            ),
            9
        )::bigint as sequence_no,
        'message_event' as kind,
        scenarios.scenario_code,
        rows.step_no,
        jsonb_build_object(
            'event', events.kind,
            'reason', events.about,
            'by_machine', case when events.is_machine then true end,
            'message_id', events.message_id
        ) as details
    from outreach.delivery_events as events
    inner join outreach.schedule_rows as rows
        on events.customer_id = rows.customer_id and events.message_id = rows.message_id
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    where events.customer_id = %(customer_id)s
),

of_opt_outs as (
    select
        opt_out_id,
        opted_out_at,
        withdrawn_at,
        recorded_by,
        withdrawn_by,
        withdraw_reason,
        jsonb_strip_nulls(
            jsonb_build_object(
                'reason', reason,
                'source', source,
                -- the customer's own, whatever the address
                'to_address', case when customer_id = %(customer_id)s then null else address end,
                'channel', channel,
                'site', site
            )
        ) as details
    from outreach.opt_outs
    where
        customer_id = %(customer_id)s
        or address = any(%(addresses)s::text[])
),

opt_outs as (
    select
        opted_out_at as occurred_at,
        opt_out_id as sequence_no,
        'opted_out' as kind,
        null::text as scenario_code,
        null::integer as step_no,
        details
        || case
            when recorded_by is null then '{{}}'
            else jsonb_build_object('actor_kind', 'operator', 'actor', recorded_by)
        end as details
    from of_opt_outs
    union all
    select
        withdrawn_at as occurred_at,
        opt_out_id as sequence_no,
        'opted_in' as kind,
        null::text as scenario_code,
        null::integer as step_no,
        details
        || jsonb_build_object('reason', withdraw_reason, 'actor_kind', 'operator', 'actor', withdrawn_by) as details
    from of_opt_outs
    where withdrawn_at is not null
)

select
    *,
    2 as source_no
from suppressions
union all
select
    *,
    2 as source_no
from message_events
union all
select
    *,
    2 as source_no
from opt_outs
