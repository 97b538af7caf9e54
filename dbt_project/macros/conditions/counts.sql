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

{% macro any_since_anchor_ctes(name, frame, kept) -%}
    {#- Who orders a thousand times has a million pairs of an order and a later one. So occurrences are kept once per
        customer, in order, and each anchor looks up what comes next of those that were not cancelled, and of those that
        were all that come later and end before that. -#}
    {%- set whole = 'upper_inf(counts_during)' -%}
    {%- if frame.get('within_days') is not none -%}
        {%- set whole = 'upper_inf(stands_during) or upper(counts_during) < upper(stands_during)'
            if may_be_cancelled(frame) else 'true' -%}
    {%- endif %}
{{ cte_head(name ~ '_whole', kept) }}
    select
        customer_id,
        array_agg(distinct lower(counts_during) order by lower(counts_during)) as began_at
        {%- if frame.get('within_days') is not none %},
        range_agg(counts_during) as held
        {%- endif %}
    from {{ name }}_occurrences
    where not isempty(counts_during) and not lower_inf(counts_during) and ({{ whole }})
    group by customer_id
),

    {%- if may_be_cancelled(frame) %}

{{ cte_head(name ~ '_cancelled', kept) }}
    select
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during)) as began_at,
        array_agg(counts_during order by lower(counts_during)) as spans
    from {{ name }}_occurrences
    where not isempty(counts_during) and not lower_inf(counts_during) and ({{ whole }}) is not true
    group by customer_id
),
    {%- endif %}

{{ cte_head(name, kept) }}
    select anchors.customer_id, anchors.anchor_key, {{ held_since_anchor(name, frame) }} as held
    from anchors
    {{- joins_since_anchor(name, frame) }}
),
{%- endmacro %}

{% macro may_be_cancelled(frame) -%}
    {{- return(frame.get('type') in ['product', 'category', 'order']) -}}
{%- endmacro %}

{% macro may_end(frame) -%}
    {#- Orders are cancelled; everything else ends only where it counts for some days. -#}
    {{- return(may_be_cancelled(frame) or frame.get('within_days') is not none) -}}
{%- endmacro %}

{% macro has_end(span) -%}
    not isempty({{ span }}) and not upper_inf({{ span }})
{%- endmacro %}

{% macro held_since_anchor(name, frame) -%}
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

{% macro first_after_anchor(occurrences) -%}
    width_bucket(anchors.anchor_at, {{ occurrences }}.began_at) + 1
{%- endmacro %}

{% macro joins_since_anchor(name, frame) %}
    left join {{ name }}_whole on anchors.customer_id = {{ name }}_whole.customer_id
    {%- if may_be_cancelled(frame) %}
    left join {{ name }}_cancelled on anchors.customer_id = {{ name }}_cancelled.customer_id
    {%- endif %}
{%- endmacro %}

{% macro counted_since_anchor_ctes(name, frame, kept) -%}
    {#- Per anchor what comes after it, again without the pairs of every anchor and everything later: of occurrences that
        never stop counting, those alone that the count waits for. Once there are more of these than it asks for, nothing
        that begins after that changes whether it holds. -#}
    {%- set count = frame.get('count') -%}
    {%- set enough = count.n if count.op == 'gte' else count.n + 1 -%}
    {%- set lasting = name ~ '_lasting' -%}
    {%- set ending = name ~ '_ending' -%}
    {%- set next = first_after_anchor(lasting) %}
{{ cte_head(lasting, kept) }}
    select customer_id, array_agg(lower(counts_during) order by lower(counts_during)) as began_at
    from {{ name }}_occurrences
    where upper_inf(counts_during) and not lower_inf(counts_during)
    group by customer_id
),

    {%- if may_end(frame) %}

{{ cte_head(ending, kept) }}
    select
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during), upper(counts_during)) as began_at,
        array_agg(upper(counts_during) order by lower(counts_during), upper(counts_during)) as ended_at
    from {{ name }}_occurrences
    where {{ has_end('counts_during') }} and not lower_inf(counts_during)
    group by customer_id
),
    {%- endif %}

{{ cte_head(name ~ '_counted', kept) }}
    select anchors.customer_id, anchors.anchor_key, tstzrange(later.began_at, null) as counts_during
    from anchors
    inner join {{ lasting }} on anchors.customer_id = {{ lasting }}.customer_id
    cross join lateral unnest({{ lasting }}.began_at[{{ next }}:{{ next }} + {{ enough - 1 }}]) as later (began_at)

    {%- if may_end(frame) %}
    {%- set last = 'width_bucket(' ~ lasting ~ '.began_at[' ~ next ~ ' + ' ~ (enough - 1) ~ '], ' ~ ending ~ '.began_at)' %}
    union all
    select anchors.customer_id, anchors.anchor_key, tstzrange(later.began_at, later.ended_at) as counts_during
    from anchors
    inner join {{ ending }} on anchors.customer_id = {{ ending }}.customer_id
    left join {{ lasting }} on anchors.customer_id = {{ lasting }}.customer_id
    cross join lateral (
        values ({{ first_after_anchor(ending) }}, coalesce({{ last }}, cardinality({{ ending }}.began_at)))
    ) as places (first, last)
    cross join lateral unnest(
        {{ ending }}.began_at[places.first:places.last], {{ ending }}.ended_at[places.first:places.last]
    ) as later (began_at, ended_at)
    {%- endif %}
),
{%- endmacro %}

{% macro counted_ctes(name, frame, per_anchor, kept) -%}
    {%- set keys = 'customer_id, anchor_key' if per_anchor else 'customer_id' %}
    {%- set counted = name ~ '_occurrences' -%}
    {%- if per_anchor -%}
    {%- set counted = name ~ '_counted' -%}
{{ counted_since_anchor_ctes(name, frame, kept) }}

    {% endif -%}
{#- the count goes up when an occurrence starts to count and down when it ends -#}
{{ cte_head(name ~ '_changes', kept) }}
    select {{ keys }}, changes.changed_at, changes.change
    from {{ counted }}
    cross join lateral (
        values (lower(counts_during), 1), (upper(counts_during), -1)
    ) as changes (changed_at, change)
    -- an empty span has neither, an open one no end
    where changes.changed_at is not null
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
