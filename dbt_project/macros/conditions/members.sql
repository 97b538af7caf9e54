{#
Member frames (R-101a to R-101m): attributes of the customer, all of which must hold. Each attribute compiles to a CTE
of its own, `s_i_<attribute>`, with one row per customer for whom it ever holds; attributes that read nothing but the
customer's row share `s_i_fields`. What has no history counts as if it had always been so. Does not belong here: what is
told of a member (`member_facts`).
#}

{% macro member_ctes(place, name, frame, kept) -%}
    {%- set member = known_keys(place, 'member', frame.get('member'), member_fields() + member_attributes()) -%}
    {%- set fields = {} -%}
    {%- set parts = [] -%}
    {%- for attribute, wanted in member.items() if attribute in member_fields() -%}
        {%- do fields.update({attribute: member_field_predicate(place, attribute, wanted)}) -%}
    {%- endfor -%}
    {%- if fields -%}
        {%- do parts.append(name ~ '_fields') %}
{{ cte_head(name ~ '_fields', kept, otherwise='not materialized ') }}
    select customers.customer_id, '{(,)}'::tstzmultirange as held
    from customers
    where {{ fields.values() | join('\n        and ') }}
),
    {%- endif -%}
    {%- for attribute, wanted in member.items() if attribute in member_attributes() -%}
        {%- set part = name ~ '_' ~ attribute -%}
        {%- do parts.append(part) %}
{{ member_attribute_ctes(place, part, attribute, wanted, kept) }}
    {%- endfor %}

{{ cte_head(name, kept) }}
    select {{ parts[0] }}.customer_id, {{ parts | join('.held * ') }}.held as held
    from {{ parts[0] }}
    {%- for part in parts[1:] %}
    inner join {{ part }} on {{ parts[0] }}.customer_id = {{ part }}.customer_id
    {%- endfor %}
),
{%- endmacro %}

{% macro member_fields() -%}
    {{- return([
        'address', 'postal_code', 'gender', 'registered_on', 'birth_date', 'birth_month', 'last_login_on', 'custom'
    ]) -}}
{%- endmacro %}

{% macro member_attributes() -%}
    {{- return([
        'newsletter', 'rank', 'tag', 'age', 'birthday', 'last_login_days_ago', 'last_ordered_on', 'first_ordered_on',
        'last_ordered_days_ago'
    ]) -}}
{%- endmacro %}

{% macro member_attribute_ctes(place, name, attribute, wanted, kept) -%}
    {%- if attribute == 'birthday' %}
{{ birthday_ctes(place, name, wanted, kept) }}
    {%- else %}
{{ cte_head(name, kept, otherwise='not materialized ') }}
        {%- if attribute == 'newsletter' %}
    {{ historical_field('newsletter_status', historical_values(place, attribute, wanted)) }}
        {%- elif attribute == 'rank' %}
    {{ historical_field('member_rank', historical_values(place, attribute, wanted)) }}
        {%- elif attribute == 'tag' %}
    select customer_tags.customer_id, tstzmultirange(tstzrange(min(customer_tags.granted_at), null)) as held
    from customer_tags
    where customer_tags.tag in ({{ text_list(one_or_more(place, attribute, wanted)) }})
    group by customer_tags.customer_id
        {%- elif attribute == 'age' %}
    {{ age_spans(place, wanted) }}
        {%- elif attribute == 'last_login_days_ago' %}
    {{ last_login_spans(place, wanted) }}
        {%- elif attribute == 'last_ordered_days_ago' %}
    {{ last_order_spans(place, wanted) }}
        {%- elif attribute == 'last_ordered_on' %}
    {{ dated_order_spans(place, attribute, wanted, is_last=true) }}
        {%- else %}
    {{ dated_order_spans(place, attribute, wanted, is_last=false) }}
        {%- endif %}
),
    {%- endif %}
{%- endmacro %}

{% macro historical_values(place, attribute, wanted) -%}
    {#- The values that the field may have. -#}
    {%- set words = one_or_more(place, attribute, wanted) -%}
    {%- if attribute == 'newsletter' -%}
        {%- for word in words -%}
            {%- do known_word(place, attribute, word, ['any', 'both', 'pc', 'mobile', 'none']) -%}
        {%- endfor -%}
        {%- if 'any' in words -%} {{- return(['both', 'pc', 'mobile', 'none']) -}} {%- endif -%}
    {%- endif -%}
    {{- return(words) -}}
{%- endmacro %}

{% macro historical_field(field, values) -%}
    {#- As the history has it; of whom it knows nothing, as it is now. -#}
    select customer_history.customer_id, range_agg(customer_history.valid) as held
    from customer_history
    where customer_history.field = {{ text_literal(field) }} and customer_history.value in ({{ text_list(values) }})
    group by customer_history.customer_id
    union all
    select customers.customer_id, '{(,)}'::tstzmultirange as held
    from customers
    where customers.{{ field }} in ({{ text_list(values) }})
        and {{ has_no_history(field) }}
{%- endmacro %}

{% macro has_no_history(field) -%}
    not exists (
            select from customer_history as known
            where known.customer_id = customers.customer_id and known.field = {{ text_literal(field) }}
        )
{%- endmacro %}
