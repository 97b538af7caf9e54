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

{% macro completion_ctes(scenario) -%}
    {#- `recounted`: the anchors at which an order counted that was cancelled later, with when each frame held without
        it, `held_i`; null for a frame that no such order concerns. -#}
    {%- set numbers = frames_counting_orders(scenario) -%}
    {%- if numbers %}

-- the orders that were cancelled, by customer in the order in which they began to count
ended as (
    select
        *,
        (row_number() over by_time)::integer - 1 as place,
        max(upper(counts_during)) over by_time as all_ended_at,
        count(*) over (partition by frame_no, customer_id) as of_customer
    from (
    {%- for number in numbers %}
        select {{ number }} as frame_no, {{ counted_as(scenario, number).n + 1 }} as deciding, occurrences.*
        from target_{{ number }}_occurrences as occurrences
        where stands_until is not null and not isempty(counts_during)
        {%- if not loop.last %}
        union all
        {%- endif %}
    {%- endfor %}
    ) as cancelled
    window by_time as (
        partition by frame_no, customer_id order by lower(counts_during) rows between unbounded preceding and current row
    )
),

-- whoever has a thousand of them has a million pairs of one and an anchor at which it counted. So of each 1, 2, 4, 8 …
-- neighbours those are kept that were cancelled last: with them the count falls below what a frame asks for, or not
blocks as materialized (
    select *
    from (
        select
            ended.*,
            {{ block_of('frame_no', 'place', 'power') }} as block,
            row_number() over (
                partition by customer_id, {{ block_of('frame_no', 'place', 'power') }} order by stands_until desc
            ) as from_last
        from ended
        inner join generate_series(0, 29) as power on 1 << power <= ended.of_customer
    ) as ranked
    where from_last <= deciding
),

-- those that had begun as an anchor order came in and had not all ended, by their places
begun as materialized (
    select frame_no, customer_id, anchor_key, judged_at, first_place, beyond
    from (
        select
            of_customer.frame_no,
            anchors.customer_id,
            anchors.anchor_key,
            anchors.judged_at,
            of_customer.occurrences,
            width_bucket(anchors.judged_at, of_customer.all_ended_at) as first_place,
            width_bucket(anchors.judged_at, of_customer.began_at) as beyond
        from anchors
        inner join (
            select
                frame_no,
                customer_id,
                array_agg(occurrence order by place) as occurrences,
                array_agg(lower(counts_during) order by place) as began_at,
                array_agg(all_ended_at order by place) as all_ended_at
            from ended
            group by frame_no, customer_id
        ) as of_customer on anchors.customer_id = of_customer.customer_id
    ) as placed
    where
        first_place < beyond
        {%- if stands_while_it_counts(scenario) %}
        -- of itself alone nothing need be known: with it goes the anchor
        and (first_place + 1 < beyond or occurrences[beyond] <> anchor_key)
        {%- endif %}
),

-- the same as the fewest blocks: two whole ones side by side are one of twice their size, unless its edge is between them
looked_at as materialized (
    select
        begun.frame_no,
        begun.customer_id,
        begun.anchor_key,
        begun.judged_at,
        edges.block
    from begun
    inner join generate_series(0, 29) as power on 1 << power <= begun.beyond - begun.first_place
    cross join lateral (
        select
            {{ block_of('begun.frame_no', 'begun.first_place + (1 << power) - 1', 'power') }} as first_block,
            {{ block_of('begun.frame_no', 'begun.beyond', 'power') }} as beyond_block
    ) as whole
    cross join lateral (values (first_block, first_block), (beyond_block - 1, beyond_block)) as edges (block, edge)
    where first_block < beyond_block and edge & 1 = 1
),

cancelled_since as (
    select *
    from (
        select
            looked_at.frame_no,
            looked_at.customer_id,
            looked_at.anchor_key,
            looked_at.judged_at,
            blocks.stands_until,
            blocks.deciding,
            row_number() over (
                partition by looked_at.frame_no, looked_at.customer_id, looked_at.anchor_key
                order by blocks.stands_until desc
            ) as from_last
        from looked_at
        inner join blocks on looked_at.customer_id = blocks.customer_id and looked_at.block = blocks.block
        where blocks.stands_until > looked_at.judged_at
    ) as ranked
    where from_last <= deciding
),

concerned as (
    select frame_no, customer_id, anchor_key, judged_at, count(*) as cancelled
    from cancelled_since
    group by frame_no, customer_id, anchor_key, judged_at
),

lasting as (
    select
        frame_no,
        customer_id,
        array_agg(lower(counts_during) order by lower(counts_during)) as began_at,
        array_agg(upper(counts_during) order by upper(counts_during)) filter (where not upper_inf(counts_during)) as ended_at
    from (
    {%- for number in numbers %}
        select {{ number }} as frame_no, customer_id, counts_during
        from target_{{ number }}_occurrences
        where stands_until is null and not isempty(counts_during)
        {%- if not loop.last %}
        union all
        {%- endif %}
    {%- endfor %}
    ) as never_cancelled
    where customer_id in (select concerned.customer_id from concerned)
    group by frame_no, customer_id
),

recounted_changes as (
    -- as the anchor order came in: what was cancelled later, and what counted and never was
    select
        concerned.frame_no,
        concerned.customer_id,
        concerned.anchor_key,
        '-infinity'::timestamptz as changed_at,
        concerned.cancelled
        + coalesce(width_bucket(concerned.judged_at, lasting.began_at), 0)
        - coalesce(width_bucket(concerned.judged_at, lasting.ended_at), 0) as change
    from concerned
    left join lasting on concerned.frame_no = lasting.frame_no and concerned.customer_id = lasting.customer_id
    union all
    select frame_no, customer_id, anchor_key, stands_until, -1 from cancelled_since
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

recounted as (
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
    {%- endif %}
{%- endmacro %}

{% macro block_of(frame_no, place, power) -%}
    {#- The number of the block that a frame's place lies in, of 2^power places from 0 on. No two blocks have the same: of
        few columns to join by, the planner knows better how few rows that leaves. -#}
    ({{ frame_no }}::bigint << 31) + (((1 << 30) + {{ place }}) >> {{ power }})
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
    left join recounted on anchors.customer_id = recounted.customer_id and anchors.anchor_key = recounted.anchor_key
    {%- endif %}
{%- endmacro %}

{% macro recounted_during(scenario) -%}
    {#- When the target holds that is asked of an anchor order: each frame as it was when the order came in, but for what
        was cancelled since; null for anchors that no cancellation concerns. -#}
    {%- set numbers = frames_counting_orders(scenario) -%}
    {%- if numbers -%}
    case when recounted.customer_id is not null then
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
    {{- 'coalesce(recounted.held_' ~ number ~ ', ' ~ held ~ ')' if number in recounted else '(' ~ held ~ ')' -}}
{%- endmacro %}
