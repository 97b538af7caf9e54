{#
Attributes that change as time goes by, from dates that do not: ages, birthdays, days since the last login or order,
the dates of the first and the last order. Each macro yields one row per customer with `held`.
#}

{% macro age_spans(place, wanted) -%}
    {#- Whole years, both included. One is a year older from the start of the birthday; born on 29 February, on the 28th
        of other years. -#}
    {%- set bounds = number_bounds(place, 'age', wanted) -%}
    select
        customers.customer_id,
        tstzmultirange(tstzrange(
            {{ 'null' if bounds[0] is none else birthday_at(bounds[0]) }},
            {{ 'null' if bounds[1] is none else birthday_at(bounds[1] + 1) }}
        )) as held
    from customers
    where customers.birth_date is not null
{%- endmacro %}

{% macro birthday_at(years) -%}
    {{ start_of_local_date('customers.birth_date + make_interval(years => ' ~ years ~ ')') }}
{%- endmacro %}

{% macro birthday_ctes(place, name, wanted, kept) -%}
    {#- Every year, from some days before the birthday to some days after it. Fifty years from the registration on: no
        scenario is planned further ahead. Members share 366 birthdays, so these are laid out once for all of them. -#}
    {%- set wanted = known_keys(place, 'birthday', wanted, ['days_before', 'days_after']) if wanted else {} -%}
    {%- set before = whole_number(place, 'birthday.days_before', wanted.get('days_before') or 0) -%}
    {%- set after = whole_number(place, 'birthday.days_after', wanted.get('days_after') or 0) -%}
    {%- set month = 'extract(month from customers.birth_date)::integer' -%}
    {%- set day = 'extract(day from customers.birth_date)::integer' -%}
{{ cte_head(name ~ '_calendar', kept) }}
    select
        birthdays.month,
        birthdays.day,
        range_agg(tstzrange(
            {{ start_of_local_date('turned.birthday - ' ~ before) }},
            {{ start_of_local_date('turned.birthday + ' ~ (after + 1)) }}
        )) as held
    from (
        select distinct {{ month }} as month, {{ day }} as day
        from customers
        where customers.birth_date is not null
    ) as birthdays
    cross join lateral generate_series(
        (select min(extract(year from customers.registered_on))::integer from customers) - {{ after // 365 + 1 }},
        (select max(extract(year from customers.registered_on))::integer from customers) + {{ before // 365 + 51 }}
    ) as year
    -- 2000 has a 29 February
    cross join lateral (
        select (make_date(2000, birthdays.month, birthdays.day) + make_interval(years => year - 2000))::date as birthday
    ) as turned
    group by birthdays.month, birthdays.day
),

{{ cte_head(name, kept, otherwise='not materialized ') }}
    select
        customers.customer_id,
        calendar.held * tstzmultirange(tstzrange(
            {{ start_of_local_date('customers.registered_on') }},
            {{ start_of_local_date("customers.registered_on + interval '50 years'") }}
        )) as held
    from customers
    inner join {{ name }}_calendar as calendar on calendar.month = {{ month }} and calendar.day = {{ day }}
),
{%- endmacro %}

{% macro last_login_spans(place, wanted) -%}
    {%- set bounds = number_bounds(place, 'last_login_days_ago', wanted) -%}
    select
        customers.customer_id,
        tstzmultirange({{ days_ago_span(local_date('customers.last_login_at'), bounds) }}) as held
    from customers
    where customers.last_login_at is not null
{%- endmacro %}

{% macro days_ago_span(date, bounds) -%}
    {#- The instants whose local date lies so many days after a date. -#}
    tstzrange(
        {{ 'null' if bounds[0] is none else start_of_local_date(date ~ ' + ' ~ bounds[0]) }},
        {{ 'null' if bounds[1] is none else start_of_local_date(date ~ ' + ' ~ (bounds[1] + 1)) }}
    )
{%- endmacro %}

{% macro last_order_spans(place, wanted) -%}
    {#- Of the orders that count at an instant the last lies f to t days back: some order does, and none is more recent
        than f days. So no order needs to know its successor, and a cancellation gives the place back to the one before. -#}
    {%- set bounds = number_bounds(place, 'last_ordered_days_ago', wanted) -%}
    {#- 0 days is from the order itself on, which may lie before its day begins: where midnight comes twice -#}
    {%- set fitting = 'orders.counts_during * ' ~ days_ago_span('orders.ordered_on', [bounds[0] or none, bounds[1]]) -%}
    select
        orders.customer_id,
        range_agg({{ fitting }})
        {%- if bounds[0] %}
        - range_agg(
            orders.counts_during * tstzrange(null, {{ start_of_local_date('orders.ordered_on + ' ~ bounds[0]) }})
        )
        {%- endif %} as held
    from orders
    where not isempty(orders.counts_during)
    group by orders.customer_id
{%- endmacro %}

{% macro dated_order_spans(place, name, wanted, is_last) -%}
    {#- Some order that counts at the instant lies between the dates, and none that counts lies beyond. -#}
    {%- set bounds = date_bounds(place, name, wanted) -%}
    {%- set beyond = bounds[1] if is_last else bounds[0] -%}
    {%- set inner = bounds[0] if is_last else bounds[1] -%}
    select
        orders.customer_id,
        range_agg(orders.counts_during)
        {%- if beyond %} filter (where {{ date_predicate(place, name, 'orders.ordered_on', wanted) }})
        - coalesce(
            range_agg(orders.counts_during) filter (
                where orders.ordered_on {{ '>' if is_last else '<' }} {{ beyond }}
            ),
            '{}'
        )
        {%- endif %} as held
    from orders
    where not isempty(orders.counts_during)
        {%- if inner %}
        and orders.ordered_on {{ '>=' if is_last else '<=' }} {{ inner }}
        {%- endif %}
    group by orders.customer_id
{%- endmacro %}
