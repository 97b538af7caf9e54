-- Everything that is known to have happened to one customer and why, one CTE per source. Each looks the customer up by
-- an index: transitions are found through the customer's rows and enrolments, so a ledger of years answers at once.
with customer as (
    select
        customer_id,
        registered_at
    from staging.stg_customers
    where customer_id = %(customer_id)s
),

registrations as (
    select
        registered_at as occurred_at,
        'registered' as kind,
        '{{}}'::jsonb as details
    from customer
),

lines as (
    select
        lines.order_id,
        jsonb_agg(
            jsonb_build_object(
                'product_id', lines.product_id,
                'product_name', products.product_name,
                'quantity', lines.quantity
            )
            order by lines.line_no
        ) as told
    from staging.stg_orders as orders
    inner join staging.stg_order_lines as lines on orders.order_id = lines.order_id
    left join staging.stg_products as products on lines.product_id = products.product_id
    where orders.customer_id = %(customer_id)s
    group by lines.order_id
),

orders as (
    select
        orders.ordered_at as occurred_at,
        'ordered' as kind,
        jsonb_build_object(
            'order_id', orders.order_id,
            'kind', orders.kind,
            'continuation_no', orders.continuation_no,
            'status', orders.status,
            'shipped_on', orders.shipped_on,
            'lines', lines.told
        ) as details
    from staging.stg_orders as orders
    left join lines on orders.order_id = lines.order_id
    where orders.customer_id = %(customer_id)s
),

cancelled_orders as (
    select
        cancelled_at as occurred_at,
        'order_cancelled' as kind,
        jsonb_build_object('order_id', order_id, 'status', status) as details
    from staging.stg_orders
    where customer_id = %(customer_id)s and cancelled_at is not null
),

subscriptions as (
    select
        subscriptions.started_at,
        subscriptions.cancelled_at,
        subscriptions.cancel_reason,
        jsonb_build_object(
            'subscription_id', subscriptions.subscription_id,
            'product_id', subscriptions.product_id,
            'product_name', products.product_name
        ) as details
    from staging.stg_subscriptions as subscriptions
    left join staging.stg_products as products on subscriptions.product_id = products.product_id
    where subscriptions.customer_id = %(customer_id)s
),

subscription_changes as (
    select
        started_at as occurred_at,
        'subscription_started' as kind,
        details
    from subscriptions
    union all
    select
        cancelled_at as occurred_at,
        'subscription_cancelled' as kind,
        details || jsonb_build_object('reason', cancel_reason) as details
    from subscriptions
    where cancelled_at is not null
),

events as (
    select
        events.event_at as occurred_at,
        'event' as kind,
        jsonb_build_object(
            'event_type', events.event_type,
            'product_id', events.product_id,
            'product_name', products.product_name
        ) as details
    from staging.stg_customer_events as events
    left join staging.stg_products as products on events.product_id = products.product_id
    where
        events.customer_id = %(customer_id)s
        -- what is told of our messages stands with their steps, below
        and events.event_id not in (
            select 'delivery ' || encode(told.event_key, 'hex')
            from outreach.delivery_events as told
            where told.customer_id = %(customer_id)s
        )
),

tags as (
    select
        granted_at as occurred_at,
        'tag_granted' as kind,
        jsonb_build_object('tag', tag) as details
    from staging.stg_customer_tags
    where customer_id = %(customer_id)s
),

lists as (
    select
        added_at as occurred_at,
        'list_entered' as kind,
        jsonb_build_object('list_code', list_code) as details
    from staging.stg_list_members
    where customer_id = %(customer_id)s
),

-- what a value was before its first known change tells no change
member_changes as (
    select
        lower(valid) as occurred_at,
        'member_changed' as kind,
        jsonb_build_object(
            'field', field,
            'before', lag(value) over (partition by field order by lower(valid) asc nulls first),
            'after', value
        ) as details
    from staging.stg_customer_history
    where customer_id = %(customer_id)s
),

enrolments as (
    select
        enrolments.*,
        scenarios.scenario_code,
        versions.version_no,
        versions.definition #>> '{{anchor,entered}}' as segment
    from outreach.enrolments
    inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
    inner join outreach.scenario_versions as versions on enrolments.scenario_version_id = versions.scenario_version_id
    where enrolments.customer_id = %(customer_id)s
),

-- segments say who is in them now; when somebody came in is kept where it was an anchor
segments as (
    select distinct
        anchor_at as occurred_at,
        'segment_entered' as kind,
        jsonb_build_object('segment', segment) as details
    from enrolments
    where anchor_kind = 'entered' and segment is not null
),

facts as (
    select * from registrations
    union all
    select * from orders
    union all
    select * from cancelled_orders
    union all
    select * from subscription_changes
    union all
    select * from events
    union all
    select * from tags
    union all
    select * from lists
    union all
    select * from member_changes
    where occurred_at is not null
    union all
    select * from segments
),

enrolment_changes as (
    select
        transitions.transitioned_at as occurred_at,
        transitions.transition_id as sequence_no,
        'enrolment' as kind,
        enrolments.scenario_code,
        null::integer as step_no,
        jsonb_build_object(
            'transition', transitions.transition,
            'to_state', transitions.to_state,
            'reason', transitions.reason,
            'actor_kind', transitions.actor_kind,
            'actor', transitions.actor,
            'version_no', enrolments.version_no,
            'anchor_kind', enrolments.anchor_kind,
            'anchor_key', enrolments.anchor_key
        ) as details
    from enrolments
    inner join outreach.transitions
        on transitions.subject = 'enrolment' and enrolments.enrolment_id = transitions.subject_id
),

row_changes as (
    select
        transitions.transitioned_at as occurred_at,
        transitions.transition_id as sequence_no,
        'step' as kind,
        scenarios.scenario_code,
        rows.step_no,
        jsonb_build_object(
            'transition', transitions.transition,
            'to_state', transitions.to_state,
            'reason', transitions.reason,
            -- of a release, a hold and a retry the row itself keeps no words
            'said', case
                when transitions.actor_kind = 'operator' then nullif(runs.summary ->> 'reason', transitions.reason)
            end,
            'actor_kind', transitions.actor_kind,
            'actor', transitions.actor,
            'schedule_row_id', rows.schedule_row_id,
            'due_date', rows.due_date,
            'planned_send_at', rows.planned_send_at,
            'channel', rows.channel,
            'channel_name', messages.channel_name,
            'message_id', messages.message_id,
            'to_address', messages.to_address,
            'provider_said', attempts.detail
        ) as details
    from outreach.schedule_rows as rows
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    inner join outreach.transitions
        on transitions.subject = 'schedule_row' and rows.schedule_row_id = transitions.subject_id
    left join outreach.runs on transitions.run_id = runs.run_id
    left join outreach.messages
        on transitions.to_state = 'sent' and rows.schedule_row_id = messages.schedule_row_id
    left join lateral (
        select tried.detail
        from outreach.attempts as tried
        where
            transitions.to_state = 'failed'
            and tried.schedule_row_id = rows.schedule_row_id
            and tried.claimed_at <= transitions.transitioned_at
        order by tried.attempt_no desc
        limit 1
    ) as attempts on true
    -- a claim is no news: what becomes of it is the next transition
    where rows.customer_id = %(customer_id)s and transitions.to_state <> 'sending'
),

-- what transitions do not tell: why somebody was not entered
decisions as (
    select
        decided_at as occurred_at,
        0::bigint as sequence_no,
        'decision' as kind,
        scenario_code,
        step_no,
        jsonb_build_object(
            'decision', decision,
            'reason', rule,
            'day', day,
            'other_scenario_code', other_scenario_code,
            'actor_kind', actor_kind,
            'actor', actor
        ) as details
    from outreach.worded_decision_batches
    where customers @> array[%(customer_id)s::text]
),

suppressions as (
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

-- what a person said of a message of which nobody knew whether it had been sent
settlements as (
    select
        settlements.settled_at as occurred_at,
        settlements.attempt_no::bigint as sequence_no,
        'settled' as kind,
        scenarios.scenario_code,
        rows.step_no,
        jsonb_build_object(
            'settled_as', settlements.settled_as,
            'reason', settlements.reason,
            'message_id', settlements.message_id,
            'actor_kind', 'operator',
            'actor', settlements.settled_by
        ) as details
    from outreach.schedule_rows as rows
    inner join outreach.settlements on rows.schedule_row_id = settlements.schedule_row_id
    inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
    where rows.customer_id = %(customer_id)s
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
),

entries as (
    select
        occurred_at,
        0::bigint as sequence_no,
        kind,
        null::text as scenario_code,
        null::integer as step_no,
        details,
        1 as source_no
    from facts
    union all
    select
        *,
        2 as source_no
    from enrolment_changes
    union all
    select
        *,
        2 as source_no
    from row_changes
    union all
    select
        *,
        2 as source_no
    from decisions
    union all
    select
        *,
        2 as source_no
    from suppressions
    union all
    -- what follows from it comes after it
    select
        *,
        1 as source_no
    from settlements
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
),

asked as (
    select *
    from entries
    where
        (%(begins)s::timestamptz is null or occurred_at >= %(begins)s)
        and (%(ends)s::timestamptz is null or occurred_at < %(ends)s)
        -- what happened in the shop concerns every scenario
        and (%(scenario_code)s::text is null or coalesce(scenario_code, %(scenario_code)s) = %(scenario_code)s)
)

select
    asked.occurred_at as at,
    asked.kind,
    asked.scenario_code,
    asked.step_no,
    asked.details,
    rules.rule_in_words as reason_in_words,
    count(*) over () as total
from asked
left join outreach.decision_rules as rules
    on
        asked.details ->> 'reason' = rules.rule
        -- elsewhere it is the shop's words, the provider's or a person's, which may happen to be a rule's
        and (
            asked.kind in ('decision', 'enrolment')
            or (asked.kind = 'step' and asked.details ->> 'transition' in ('T2', 'T4', 'T5', 'T8', 'T15'))
        )
order by
    asked.occurred_at {direction},
    asked.source_no {direction},
    asked.sequence_no {direction},
    asked.kind {direction},
    asked.details::text {direction}
limit %(limit)s
