{#
The facts behind a member frame, for whoever asks why: what is known of the customer for each attribute, whether it is
what the frame asks for or not. Does not belong here: whether the frame holds (`members`); no table reads this.
#}

{% macro member_facts(place, name, frame) -%}
    {#- One row per customer, attribute and value: `occurrence`, both in words, and `counts_during`, when it is what the
        frame asks for; empty where it is not. `name`: the frame's, whose CTEs are read. -#}
    {%- set facts = [] -%}
    {%- for attribute, wanted in frame.member.items() -%}
        {%- if attribute == 'custom' -%}
            {%- for field, condition in wanted.items() -%}
                {%- set value = 'customers.custom_fields ->> ' ~ text_literal(field) -%}
                {%- do facts.append(member_field_fact('custom ' ~ field, value, custom_predicate(place, field, condition))) -%}
            {%- endfor -%}
        {%- elif attribute in member_fields() -%}
            {%- set column = {
                'birth_month': 'customers.birth_date', 'last_login_on': local_date('customers.last_login_at')
            }.get(attribute, 'customers.' ~ attribute) -%}
            {%- set predicate = member_field_predicate(place, attribute, wanted) -%}
            {%- do facts.append(member_field_fact(attribute, column, predicate)) -%}
        {%- elif attribute in ['newsletter', 'rank'] -%}
            {%- set field = 'newsletter_status' if attribute == 'newsletter' else 'member_rank' -%}
            {%- do facts.append(historical_facts(attribute, field, historical_values(place, attribute, wanted))) -%}
        {%- elif attribute == 'tag' -%}
            {%- do facts.append(tag_facts(one_or_more(place, attribute, wanted))) -%}
        {%- else -%}
            {%- set known = {
                'age': 'customers.birth_date', 'birthday': 'customers.birth_date',
                'last_login_days_ago': local_date('customers.last_login_at')
            }.get(attribute) -%}
            {%- do facts.append(member_span_facts(attribute, known, name ~ '_' ~ attribute)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ facts | join('\n    union all\n    ') }}
{%- endmacro %}

{% macro in_words(attribute, value) -%}
    {#- A hundred characters of a value tell which one it is; a custom field may hold a book. -#}
    {{ text_literal(attribute ~ ' ') }} || coalesce(left({{ value }}::text, 100), 'unknown') as occurrence
{%- endmacro %}

{% macro member_field_fact(attribute, value, predicate) -%}
    select
        customers.customer_id,
        {{ in_words(attribute, '(' ~ value ~ ')') }},
        case when {{ predicate }} then '(,)' else 'empty' end::tstzrange as counts_during
    from customers
{%- endmacro %}

{% macro historical_facts(attribute, field, values) -%}
    select
        customer_history.customer_id,
        {{ in_words(attribute, 'customer_history.value') }},
        case
            when customer_history.value in ({{ text_list(values) }}) then customer_history.valid else 'empty'
        end as counts_during
    from customer_history
    where customer_history.field = {{ text_literal(field) }}
    union all
    select
        customers.customer_id,
        {{ in_words(attribute, 'customers.' ~ field) }},
        case
            when customers.{{ field }} in ({{ text_list(values) }}) then '(,)' else 'empty'
        end::tstzrange as counts_during
    from customers
    where {{ has_no_history(field) }}
{%- endmacro %}

{% macro tag_facts(tags) -%}
    select
        customer_tags.customer_id,
        {{ in_words('tag', 'customer_tags.tag') }},
        case
            when customer_tags.tag in ({{ text_list(tags) }}) then tstzrange(customer_tags.granted_at, null)
            else 'empty'
        end as counts_during
    from customer_tags
{%- endmacro %}

{% macro member_span_facts(attribute, known, part) -%}
    {#- What comes and goes with the calendar, by what is known; of attributes that orders make, when they are right. -#}
    select
        customers.customer_id,
        {{ in_words(attribute ~ ' by', known) if known else text_literal(attribute) ~ '::text as occurrence' }},
        coalesce(span, 'empty') as counts_during
    from customers
    {{ 'left' if known else 'inner' }} join {{ part }} as part on customers.customer_id = part.customer_id
    {{ 'left' if known else 'inner' }} join lateral unnest(part.held) as span on true
{%- endmacro %}
