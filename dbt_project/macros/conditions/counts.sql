{#
From occurrences to the instants at which a frame holds: there is one, or as many as its count asks for; since ever or
since the anchor. Does not belong here: what an occurrence is (`occurrences`).
#}

{% macro is_counted(frame) -%}
    {#- Whether occurrences must be told apart; one or more is a matter of there being any. -#}
    {%- set count = frame.get('count') -%}
    {{- return(count is not none and not (count.get('op') == 'gte' and count.get('n') == 1)) -}}
{%- endmacro %}

{% macro checked_count(place, frame) -%}
    {%- set count = frame.get('count') -%}
    {%- if count is not none -%}
        {%- if frame.get('type') not in ['product', 'category', 'order', 'event'] -%}
            {{ definition_fault(place, 'count_not_allowed, only product, category, order and event frames count') }}
        {%- endif -%}
        {%- do known_word(place, 'count.op', count.get('op'), ['eq', 'gte', 'lte']) -%}
        {%- do whole_number(place, 'count.n', count.get('n'), at_least=1) -%}
    {%- endif -%}
{%- endmacro %}

{% macro count_predicate(count) -%}
    {#- Zero never matches, not even 'or fewer' (R-102c, Q-07). -#}
    {%- if count.op == 'eq' -%} occurrences = {{ count.n }}
    {%- elif count.op == 'gte' -%} occurrences >= {{ count.n }}
    {%- else -%} occurrences between 1 and {{ count.n }}
    {%- endif -%}
{%- endmacro %}

{% macro any_cte(name, kept) -%}
{{ cte_head(name, kept) }}
    select customer_id, range_agg(counts_during) as held
    from {{ name }}_occurrences
    where not isempty(counts_during)
    group by customer_id
),
{%- endmacro %}

{% macro is_whole(frame) -%}
    {#- SQL of whether an occurrence counts as long as it can: for ever, or until its days have passed. Others were
        cancelled. -#}
    {%- if frame.get('within_days') is none -%}
    upper_inf(counts_during)
    {%- elif may_be_cancelled(frame) -%}
    (upper_inf(stands_during) or upper(counts_during) < upper(stands_during))
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

{% macro may_be_cancelled(frame) -%}
    {{- return(frame.get('type') in ['product', 'category', 'order']) -}}
{%- endmacro %}

{% macro since_anchor_ctes(name, frame, kept) -%}
    {#- Who orders a thousand times has a million pairs of an order and a later one. So occurrences are kept once per
        customer, in order, and each anchor looks up those that it needs: `_whole` and `_cancelled`. -#}
    {%- set counts = 'not isempty(counts_during) and not lower_inf(counts_during)' %}
{{ cte_head(name ~ '_whole', kept) }}
    select
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during)) as began_at
        {%- if frame.get('within_days') is not none and not is_counted(frame) %},
        range_agg(counts_during) as held
        {%- endif %}
    from {{ name }}_occurrences
    where {{ counts }} and {{ is_whole(frame) }}
    group by customer_id
),

    {%- if may_be_cancelled(frame) %}
    {%- set in_order = 'order by lower(counts_during), upper(counts_during)' %}

{{ cte_head(name ~ '_cancelled', kept) }}
    select
        customer_id,
        array_agg(lower(counts_during) {{ in_order }}) as began_at,
        {%- if is_counted(frame) %}
        array_agg(upper(counts_during) {{ in_order }}) as ended_at
        {%- else %}
        array_agg(counts_during {{ in_order }}) as spans
        {%- endif %}
    from {{ name }}_occurrences
    where {{ counts }} and {{ is_whole(frame) }} is not true
    group by customer_id
),
    {%- endif %}
{%- endmacro %}

{% macro first_after_anchor(occurrences) -%}
    width_bucket(anchors.anchor_at, {{ occurrences }}.began_at) + 1
{%- endmacro %}

{% macro joins_since_anchor(name, frame) %}
    left join {{ name }}_whole on anchors.customer_id = {{ name }}_whole.customer_id
    {%- if may_be_cancelled(frame) %}
    left join {{ name }}_cancelled on anchors.customer_id = {{ name }}_cancelled.customer_id
    {%- endif %}
{%- endmacro %}

{% macro any_since_anchor_ctes(name, frame, kept) -%}
{{ since_anchor_ctes(name, frame, kept) }}

{{ cte_head(name, kept) }}
    select anchors.customer_id, anchors.anchor_key, {{ held_since_anchor(name, frame) }} as held
    from anchors
    {{- joins_since_anchor(name, frame) }}
),
{%- endmacro %}

{% macro held_since_anchor(name, frame) -%}
    {#- From the next occurrence on, if it was not cancelled; and while any counts that was, of those before that one. -#}
    {%- set whole = name ~ '_whole' -%}
    {%- set cancelled = name ~ '_cancelled' -%}
    {%- set next = whole ~ '.began_at[' ~ first_after_anchor(whole) ~ ']' -%}
    {%- set is_lasting = frame.get('within_days') is none -%}
    (
        {#- what counts for some days ends in the order in which it began: what came before the next one adds nothing
            after that began -#}
        case
            when {{ next }} is null then '{}'::tstzmultirange
            else {{ '' if is_lasting else whole ~ '.held * ' }}tstzmultirange(tstzrange({{ next }}, null))
        end
        {%- if may_be_cancelled(frame) %}
        {%- set last = 'cardinality(' ~ cancelled ~ '.began_at)' -%}
        {%- if is_lasting -%}
            {%- set last = 'coalesce(width_bucket(' ~ next ~ ', ' ~ cancelled ~ '.began_at), ' ~ last ~ ')' -%}
        {%- endif %}
        + coalesce(
            tstzmultirange(variadic {{ cancelled }}.spans[{{ first_after_anchor(cancelled) }}:{{ last }}]), '{}'
        )
        {%- endif %}
    )
{%- endmacro %}

{% macro later_cte(name, frame, kept) -%}
    {#- Per anchor what comes after it, as if what counts for some days went on for ever. Of the whole ones those alone
        that the count waits for: once there are more of these than it asks for, nothing that begins after that changes
        whether it holds. -#}
    {%- set count = frame.get('count') -%}
    {%- set enough = count.n if count.op == 'gte' else count.n + 1 -%}
    {%- set whole = name ~ '_whole' -%}
    {%- set cancelled = name ~ '_cancelled' -%}
    {%- set next = first_after_anchor(whole) -%}
    {%- set last = next ~ ' + ' ~ (enough - 1) %}
{{ cte_head(name ~ '_later', kept) }}
    select anchors.customer_id, anchors.anchor_key, tstzrange(later.began_at, null) as counts_during
    from anchors
    inner join {{ whole }} on anchors.customer_id = {{ whole }}.customer_id
    cross join lateral unnest({{ whole }}.began_at[{{ next }}:{{ last }}]) as later (began_at)

    {%- if may_be_cancelled(frame) %}
    union all
    select anchors.customer_id, anchors.anchor_key, tstzrange(later.began_at, later.ended_at) as counts_during
    from anchors
    inner join {{ cancelled }} on anchors.customer_id = {{ cancelled }}.customer_id
    left join {{ whole }} on anchors.customer_id = {{ whole }}.customer_id
    cross join lateral (
        values (
            {{ first_after_anchor(cancelled) }},
            coalesce(
                width_bucket({{ whole }}.began_at[{{ last }}], {{ cancelled }}.began_at),
                cardinality({{ cancelled }}.began_at)
            )
        )
    ) as places (first, last)
    cross join lateral unnest(
        {{ cancelled }}.began_at[places.first:places.last], {{ cancelled }}.ended_at[places.first:places.last]
    ) as later (began_at, ended_at)
    {%- endif %}
),
{%- endmacro %}

{% macro counted_ctes(scenario, name, frame, per_anchor, kept) -%}
    {%- if not per_anchor -%}
{{ sweep_ctes(name, name ~ '_occurrences', 'customer_id', frame, kept) }}
    {%- else -%}
{{ since_anchor_ctes(name, frame, kept) }}

{{ later_cte(name, frame, kept) }}
        {%- if frame.get('within_days') is none %}

{{ sweep_ctes(name, name ~ '_later', 'customer_id, anchor_key', frame, kept) }}
        {%- else %}
        {#- nothing that comes after the anchor has passed by before what came together with it would have, and whatever
            came before it has passed by then -#}
        {%- set passed_by = days_have_passed(frame, local_date('anchors.anchor_at')) %}

{{ sweep_ctes(name ~ '_soon', name ~ '_later', 'customer_id, anchor_key', frame, kept) }}

{{ sweep_ctes(name ~ '_ever', name ~ '_occurrences', 'customer_id', frame, kept) }}

{{ cte_head(name, kept) }}
    select
        anchors.customer_id,
        anchors.anchor_key,
        coalesce({{ name }}_soon.held * tstzmultirange(tstzrange(null, {{ passed_by }})), '{}')
        + coalesce({{ name }}_ever.held * tstzmultirange(tstzrange({{ passed_by }}, null)), '{}') as held
    from anchors
    left join {{ name }}_soon on {{ is_same_anchor(scenario, name ~ '_soon') }}
    left join {{ name }}_ever on anchors.customer_id = {{ name }}_ever.customer_id
),
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro sweep_ctes(name, counted, keys, frame, kept) -%}
{#- the count goes up when an occurrence starts to count and down when it ends -#}
{{ cte_head(name ~ '_changes', kept) }}
    select {{ keys }}, lower(counts_during) as changed_at, 1 as change
    from {{ counted }}
    where not isempty(counts_during)
    union all
    select {{ keys }}, upper(counts_during) as changed_at, -1 as change
    from {{ counted }}
    where {{ has_end('counts_during') }}
),

-- of changes at one instant each sees the sum of all, and only the last has a span that is not empty
{{ cte_head(name ~ '_counts', kept) }}
    select
        {{ keys }},
        tstzrange(changed_at, lead(changed_at) over by_time) as during,
        sum(change) over by_time as occurrences
    from {{ name }}_changes
    window by_time as (partition by {{ keys }} order by changed_at)
),

{{ cte_head(name, kept) }}
    select {{ keys }}, range_agg(during) as held
    from {{ name }}_counts
    where {{ count_predicate(frame.get('count')) }}
    group by {{ keys }}
),
{%- endmacro %}
