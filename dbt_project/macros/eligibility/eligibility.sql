{#
A scenario's eligibility as a function of time: one row per customer and anchor, with the instants at which the entry
conditions hold and those at which a stop condition holds. The definition is the model's `config.meta.scenario`.
#}

{% macro eligibility(segments=[]) -%}
    {#- The whole body of a scenario's model. dbt must know at parse time what to build first, when the definition is
        not complete yet: so a scenario that reads segments names them here as well. -#}
    {%- for segment in segments %}{% do ref(segment) %}{% endfor -%}
    {%- do fact_relation('orders', reading()) -%}
    {%- if execute and broken_scenario(model) -%}
    {{ empty_eligibility() }}
    {%- elif execute -%}
    {%- set scenario = scenario_definition() -%}
    {%- for segment in segments_read(scenario) if segment not in segments -%}
        {{ definition_fault(
            "scenario '" ~ scenario.get('code') ~ "'",
            "segment '" ~ segment ~ "' must be named in the model as well: eligibility(segments=['" ~ segment ~ "'])"
        ) }}
    {%- endfor -%}
    {{ eligibility_query(scenario, reading=reading()) }}
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}

{% macro scenario_definition() -%}
    {#- A unit test puts another in its place: `overrides: macros: scenario_definition: {…}`. -#}
    {{- return(model.config.meta.scenario) -}}
{%- endmacro %}

{% macro eligibility_query(scenario, reading) -%}
with

{{ eligibility_ctes(scenario, reading) }}

select * from eligible
{%- if reading == 'everyone' %}
-- a customer's rows together, for whoever looks at some customers of a large shop: the next build, stops, an answer
order by customer_id
{%- endif %}
{%- endmacro %}

{% macro eligibility_ctes(scenario, reading) -%}
    {#- Everything up to the answer, `eligible`; what explains an answer (`explanation_query`) reads the same steps. -#}
    {%- set subscribers = known_word(
        "scenario '" ~ scenario.get('code') ~ "', target", 'active_subscriber',
        (scenario.get('target') or {}).get('active_subscriber') or 'include', ['include', 'exclude']
    ) -%}
{{ import_facts(reading, rare_anchor(scenario)) }}

-- a record not confirmed in duplicate management gets no scenario (R-048, R-049)
confirmed_customers as (
    select customer_id from customers where duplicate_status = 'confirmed'
),

{{ occurrence_ctes(scenario, reading) }}

{#- everyone's orders lie by customer, as all of this is joined: kept, they would be sorted again at each join -#}
{%- set are_read_anew = reading == 'everyone' and is_every_order_an_anchor(scenario) and not has_many_frames(scenario) %}

{{ cte_head('anchors', kept=false, otherwise='not materialized ' if are_read_anew else '') }}
    {{ anchor_rows(scenario, reading) }}
),
    {%- for section in ['target', 'exclusion', 'stop'] %}
{{ frame_ctes(scenario, section) }}
    {%- endfor %}
{{ completion_ctes(scenario, reading) }}
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
        {{ fold_frames(scenario, 'target', "'{(,)}'::tstzmultirange") }} as target_during,
        {{ recounted_during(scenario) }} as recounted_during,
        {{ fold_frames(scenario, 'exclusion', "'{}'::tstzmultirange") }}
            {%- if subscribers == 'exclude' %} + coalesce(active_subscribers.held, '{}'){% endif %} as excluded_during,
        {{ fold_frames(scenario, 'stop', "'{}'::tstzmultirange") }}
            {%- if stops_with_its_order(scenario) %} + anchors.void_during::tstzmultirange{% endif %} as stop_during
    from anchors
    left join confirmed_customers on anchors.customer_id = confirmed_customers.customer_id
    {%- for section in ['target', 'exclusion', 'stop'] %}
    {{- frame_joins(scenario, section) }}
    {%- endfor %}
    {{- recounted_join(scenario) }}
    {%- if subscribers == 'exclude' %}
    left join active_subscribers on anchors.customer_id = active_subscribers.customer_id
    {%- endif %}
),

eligible as (
    select
        customer_id::text as customer_id,
        '{{ anchor_kind(scenario) }}'::text as anchor_kind,
        anchor_key::text as anchor_key,
        anchor_at::timestamptz as anchor_at,
        anchor_date::date as anchor_date,
        case
            -- the order at which the target came true is the anchor, counting up to and including it (Q-15)
            when recounted_during is not null then anchor_during * target_during * recounted_during - excluded_during
            when judged_at is null or target_during @> judged_at
                then anchor_during * target_during - excluded_during
            else '{}'::tstzmultirange
        end as entry_during,
        stop_during::tstzmultirange as stop_during
    from judged
)
{%- endmacro %}

{% macro function_settings(scenario) -%}
    {#- Of a function that answers for given customers. Hundreds of frames are joined one by one, in any order as well
        as in another, and compiling what is run once costs more than running it. Of few frames nothing is said: a
        function with settings is planned apart from the query that calls it. -#}
    {%- if has_many_frames(scenario) -%}
    set join_collapse_limit = 1 set from_collapse_limit = 1 set jit = off
    {%- endif -%}
{%- endmacro %}
