{#
A scenario's eligibility as a function of time: one row per customer and anchor, with the instants at which the entry
conditions hold and those at which a stop condition holds. The definition is the model's `config.meta.scenario`.
#}

{% macro eligibility(segments=[]) -%}
    {#- The whole body of a scenario's model. dbt must know at parse time what to build first, when the definition is
        not complete yet: so a scenario that reads segments names them here as well. -#}
    {%- for segment in segments %}{% do ref(segment) %}{% endfor -%}
    {%- do fact_relation('orders', false) -%}
    {%- if execute -%}
    {{ eligibility_query(model.config.meta.scenario, live=false) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{% macro eligibility_query(scenario, live) -%}
    {%- set target = scenario.get('target', {}) -%}
    {%- set target_frames = target.get('frames', []) -%}
    {%- set exclusion_frames = scenario.get('exclusion', {}).get('frames', []) -%}
    {%- set stop_frames = scenario.get('stop', {}).get('frames', []) -%}
    {%- set subscribers = target.get('active_subscriber', 'include') -%}
with

{{ import_facts(live) }}

-- a record not confirmed in duplicate management gets no scenario (R-048, R-049)
confirmed_customers as (
    select customer_id from customers where duplicate_status = 'confirmed'
),

anchors as (
    {{ anchor_rows(scenario) }}
),
{{ frame_ctes('target', target_frames, 'all_time') }}
{{ frame_ctes('exclusion', exclusion_frames, 'all_time') }}
{{ frame_ctes('stop', stop_frames, 'anchor') }}
    {%- if subscribers == 'exclude' %}

-- whoever has a running subscription is left out; lapsed and never subscribed are not (R-103b)
active_subscribers as (
    select customer_id, range_agg(tstzrange(started_at, cancelled_at)) as held
    from subscriptions
    group by customer_id
),
    {%- endif %}

judged as (
    select
        anchors.customer_id,
        anchors.anchor_key,
        anchors.anchor_at,
        anchors.anchor_date,
        anchors.judged_at,
        case
            when confirmed_customers.customer_id is null then '{}'::tstzmultirange
            else anchors.anchor_during::tstzmultirange * tstzmultirange(tstzrange(anchors.anchor_at, null))
        end as anchor_during,
        {{ fold_frames('target', target_frames, "'{(,)}'::tstzmultirange") }} as target_during,
        {{ fold_frames('exclusion', exclusion_frames, "'{}'::tstzmultirange") }}
            {%- if subscribers == 'exclude' %} + coalesce(active_subscribers.held, '{}'){% endif %} as excluded_during,
        {{ fold_frames('stop', stop_frames, "'{}'::tstzmultirange") }} as stop_during
    from anchors
    left join confirmed_customers on anchors.customer_id = confirmed_customers.customer_id
    {{- frame_joins('target', target_frames, 'all_time') }}
    {{- frame_joins('exclusion', exclusion_frames, 'all_time') }}
    {{- frame_joins('stop', stop_frames, 'anchor') }}
    {%- if subscribers == 'exclude' %}
    left join active_subscribers on anchors.customer_id = active_subscribers.customer_id
    {%- endif %}
)

select
    customer_id::text as customer_id,
    '{{ anchor_kind(scenario) }}'::text as anchor_kind,
    anchor_key::text as anchor_key,
    anchor_at::timestamptz as anchor_at,
    anchor_date::date as anchor_date,
    case
        -- the order at which the target came true is the anchor, counting up to and including it (Q-15)
        when judged_at is null or target_during @> judged_at
            then anchor_during * target_during - excluded_during
        else '{}'::tstzmultirange
    end as entry_during,
    stop_during::tstzmultirange as stop_during
from judged
{%- endmacro %}
