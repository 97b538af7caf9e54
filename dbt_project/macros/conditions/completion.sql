{#
Whether an anchor that is an order completes the target (Q-15): the target held as the order came in, counting the
orders up to it; and of those, whichever is cancelled later is left out from then on, as if it had never been (R-102j,
R-111). Nearly no order is cancelled after another came in: only the anchors of those that are are counted anew. Does
not belong here: how a frame counts at any other time (`counts`).
#}

{% macro frames_counting_orders(scenario) -%}
    {#- The numbers of the target's frames that count orders, whenever those were; none where the anchor is no order. -#}
    {%- set numbers = [] -%}
    {%- if is_order_anchor(scenario) -%}
        {%- for frame in section_frames(scenario, 'target') -%}
            {%- set is_since_ever = frame_since(frame, default_since('target')) == 'all_time' -%}
            {%- if frame.get('type') in ['product', 'category', 'order'] and is_since_ever -%}
                {%- do numbers.append(loop.index) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(numbers) -}}
{%- endmacro %}

{% macro completion_ctes(scenario, reading) -%}
    {#- `recounted`: of each customer the anchors at which an order counted that was cancelled later, with when each frame
        held without it, in the order of the frames; null for one that no such order concerns. -#}
    {%- set numbers = frames_counting_orders(scenario) -%}
    {#- in seconds, as a day is not always as long; one more makes up for their fractions -#}
    {%- set lasting = 'extract(epoch from upper(counts_during) - lower(counts_during))' -%}
    {%- set longest = 'make_interval(secs => 1 + max(' ~ lasting ~ ')::float8)' -%}
    {%- if numbers %}

cancelled_orders as (
    {%- for number in numbers %}
    select {{ number }} as frame_no, customer_id, occurrence, counts_during, stands_during
    from target_{{ number }}_occurrences
    where {{ has_end('stands_during') }}
        {%- if not loop.last %}
    union all
        {%- endif %}
    {%- endfor %}
),

-- once per customer and in order: each anchor looks up those that began before it, as late as one that lasts must have
{#- of few customers none is looked up by anchor: whoever has ten thousand would be read ten thousand times #}
cancelled_of_customers as {{ '' if reading == 'everyone' else 'materialized ' }}(
    select
        frame_no,
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during), occurrence) as began_at,
        array_agg(counts_during order by lower(counts_during), occurrence) as counts_during,
        array_agg(upper(stands_during) order by lower(counts_during), occurrence) as ended_at,
        array_agg(occurrence order by lower(counts_during), occurrence) as occurrences,
        {{ longest }} as longest,
        min(lower(counts_during)) + {{ longest }} as all_may_last_until
    from cancelled_orders
    where not isempty(counts_during)
    group by frame_no, customer_id
),

cancelled_since as (
    select cancelled.frame_no, anchors.customer_id, anchors.anchor_key, anchors.judged_at, ended.ended_at
    from anchors
    inner join cancelled_of_customers as cancelled on anchors.customer_id = cancelled.customer_id
    cross join lateral (
        values (
            case
                -- until then none is passed over, and the longest may reach back further than the calendar does
                when anchors.judged_at > cancelled.all_may_last_until
                    then width_bucket(anchors.judged_at - cancelled.longest, cancelled.began_at) + 1
                else 1
            end,
            width_bucket(anchors.judged_at, cancelled.began_at)
        )
    ) as places (first, last)
    cross join lateral unnest(
        cancelled.occurrences[places.first:places.last],
        cancelled.counts_during[places.first:places.last],
        cancelled.ended_at[places.first:places.last]
    ) as ended (occurrence, counts_during, ended_at)
    where
        -- nearly no anchor has any, and to look through none takes as long as to look through one
        places.first <= places.last
        and ended.counts_during @> anchors.judged_at
        {%- if stands_while_it_counts(scenario) %}
        -- of itself alone nothing need be known: with it goes the anchor
        and ended.occurrence <> anchors.anchor_key
        {%- endif %}
),

concerned as (
    select distinct frame_no, customer_id, anchor_key, judged_at from cancelled_since
),

    {%- for number in numbers %}

-- once per customer, for all of its anchors
counted_of_{{ number }} as materialized (
    select
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during)) as began_at,
        array_agg(upper(counts_during) order by upper(counts_during))
            filter (where not upper_inf(counts_during)) as ended_at
    from target_{{ number }}_occurrences
    where
        not isempty(counts_during)
        and customer_id in (select frames.customer_id from concerned as frames where frames.frame_no = {{ number }})
    group by customer_id
),
    {%- endfor %}

recounted_changes as (
    {%- for number in numbers %}
    -- as the anchor order came in: how many had begun, without those that had ended
    select
        concerned.frame_no,
        concerned.customer_id,
        concerned.anchor_key,
        '-infinity'::timestamptz as changed_at,
        width_bucket(concerned.judged_at, counted.began_at)
        - coalesce(width_bucket(concerned.judged_at, counted.ended_at), 0) as change
    from concerned
    inner join counted_of_{{ number }} as counted on concerned.customer_id = counted.customer_id
    where concerned.frame_no = {{ number }}
    union all
    {%- endfor %}
    select frame_no, customer_id, anchor_key, ended_at, -1 from cancelled_since
),

-- of changes at one instant each sees the sum of all, and only the last has a span that is not empty
recounted_counts as (
    select
        frame_no,
        customer_id,
        anchor_key,
        tstzrange(changed_at, lead(changed_at) over by_time) as during,
        sum(change) over by_time as occurrences
    from recounted_changes
    window by_time as (partition by frame_no, customer_id, anchor_key order by changed_at)
),

recounted_anchors as (
    select
        customer_id,
        anchor_key
        {%- for number in numbers %},
        case when bool_or(frame_no = {{ number }}) then
            coalesce(range_agg(during) filter (
                where frame_no = {{ number }} and {{ count_predicate(counted_as(scenario, number)) }}
            ), '{}')
        end as held_{{ number }}
        {%- endfor %}
    from recounted_counts
    group by customer_id, anchor_key
),

-- all of a customer's in one row, which each anchor looks itself up in: joined by customer and anchor, as they lie by
-- customer, each would be compared with all
recounted as (
    select
        customer_id,
        jsonb_object_agg(
            anchor_key, jsonb_build_array({% for number in numbers %}held_{{ number }}::text{{ ', ' if not loop.last }}{% endfor %})
        ) as of_anchors
    from recounted_anchors
    group by customer_id
),
    {%- endif %}
{%- endmacro %}

{% macro has_end(span) -%}
    not isempty({{ span }}) and not upper_inf({{ span }})
{%- endmacro %}

{% macro stands_while_it_counts(scenario) -%}
    {#- Whether an order is an anchor no longer than it counts in frames. -#}
    {{- return(uncounted_statuses(scenario) == ['cancelled'] and excluded_statuses(scenario) == ['cancelled']) -}}
{%- endmacro %}

{% macro counted_as(scenario, number) -%}
    {#- The count of a target's frame; without one, any will do. -#}
    {{- return(section_frames(scenario, 'target')[number - 1].get('count') or {'op': 'gte', 'n': 1}) -}}
{%- endmacro %}

{% macro recounted_join(scenario) -%}
    {%- if frames_counting_orders(scenario) %}
    left join recounted on anchors.customer_id = recounted.customer_id
    {%- endif %}
{%- endmacro %}

{% macro recounted_during(scenario) -%}
    {#- When the target holds that is asked of an anchor order: each frame as it was when the order came in, but for what
        was cancelled since; null for anchors that no cancellation concerns. -#}
    {%- set numbers = frames_counting_orders(scenario) -%}
    {%- if numbers -%}
    case when recounted.of_anchors ? anchors.anchor_key then
        {{ fold_frames(scenario, 'target', "'{(,)}'::tstzmultirange", recounted=numbers) }}
    end
    {%- else -%}
    null::tstzmultirange
    {%- endif -%}
{%- endmacro %}

{% macro frame_when_ordered(section, number, frame, recounted) -%}
    {#- Always or never, as the frame was when the anchor order came in; `recounted`: the frames that may differ since. -#}
    {%- set held = "case when " ~ frame_held(section, number, frame)
        ~ " @> anchors.judged_at then '{(,)}'::tstzmultirange else '{}'::tstzmultirange end" -%}
    {%- if number in recounted -%}
        {%- set place = recounted.index(number) -%}
    coalesce((recounted.of_anchors -> anchors.anchor_key ->> {{ place }})::tstzmultirange, {{ held }})
    {%- else -%}
    ({{ held }})
    {%- endif -%}
{%- endmacro %}
