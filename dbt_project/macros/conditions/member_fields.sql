{#
What is read from the customer's row alone and has no history: predicates on `customers`, true since ever or never.
#}

{% macro member_field_predicate(place, attribute, wanted) -%}
    {%- if attribute in ['address', 'postal_code'] -%}
    {{ text_predicate(place, attribute, 'customers.' ~ attribute, wanted) }}
    {%- elif attribute == 'gender' -%}
        {%- set words = one_or_more(place, attribute, wanted) -%}
        {%- for word in words -%}{%- do known_word(place, attribute, word, ['male', 'female']) -%}{%- endfor -%}
    customers.gender in ({{ text_list(words) }})
    {%- elif attribute in ['registered_on', 'birth_date'] -%}
    {{ date_predicate(place, attribute, 'customers.' ~ attribute, wanted) }}
    {%- elif attribute == 'last_login_on' -%}
    {{ date_predicate(place, attribute, local_date('customers.last_login_at'), wanted) }}
    {%- elif attribute == 'birth_month' -%}
        {%- set months = one_or_more(place, attribute, wanted) -%}
        {%- for month in months -%}{%- do known_word(place, attribute, month, range(1, 13) | list) -%}{%- endfor -%}
    extract(month from customers.birth_date) in ({{ months | join(', ') }})
    {%- else -%}
        {%- if wanted is not mapping or not wanted -%}
        {{ definition_fault(place, 'custom needs one or more fields, each with what it must be') }}
        {%- endif -%}
        {%- for field, condition in wanted.items() -%}
    {{ ' and ' if not loop.first }}{{ custom_predicate(place, field, condition) }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro text_predicate(place, name, column, wanted) -%}
    {#- Partial or exact match (R-101a); no pattern, so that a % is a %. -#}
    {%- set wanted = known_keys(place, name, wanted, ['contains', 'equals']) -%}
    {%- set predicates = [] -%}
    {%- for way, text in wanted.items() -%}
        {%- if text is none or text is mapping or (text is sequence and text is not string) or text | string == '' -%}
        {{ definition_fault(place, name ~ '.' ~ way ~ ' needs a text') }}
        {%- endif -%}
        {%- if way == 'equals' -%} {%- do predicates.append(column ~ ' = ' ~ text_literal(text)) -%}
        {%- else -%} {%- do predicates.append('strpos(' ~ column ~ ', ' ~ text_literal(text) ~ ') > 0') -%}
        {%- endif -%}
    {%- endfor -%}
    {{ predicates | join(' and ') }}
{%- endmacro %}

{% macro date_predicate(place, name, column, wanted) -%}
    {#- Both ends belong to the range; either may be left open (R-101n). -#}
    {%- set bounds = date_bounds(place, name, wanted) -%}
    {%- set predicates = [] -%}
    {%- if bounds[0] -%} {%- do predicates.append(column ~ ' >= ' ~ bounds[0]) -%} {%- endif -%}
    {%- if bounds[1] -%} {%- do predicates.append(column ~ ' <= ' ~ bounds[1]) -%} {%- endif -%}
    {{ predicates | join(' and ') }}
{%- endmacro %}

{% macro date_bounds(place, name, wanted) -%}
    {%- set wanted = known_keys(place, name, wanted, ['from', 'to']) -%}
    {%- set bounds = [] -%}
    {%- for end in ['from', 'to'] -%}
        {%- do bounds.append(none if wanted.get(end) is none else text_literal(wanted.get(end)) ~ '::date') -%}
    {%- endfor -%}
    {%- if bounds == [none, none] -%} {{ definition_fault(place, name ~ ' needs from, to or both') }} {%- endif -%}
    {{- return(bounds) -}}
{%- endmacro %}

{% macro number_bounds(place, name, wanted) -%}
    {#- Whole numbers, the first no greater than the last: PostgreSQL refuses a range that ends before it begins. -#}
    {%- set wanted = known_keys(place, name, wanted, ['from', 'to']) -%}
    {%- set bounds = [wanted.get('from'), wanted.get('to')] -%}
    {%- for bound in bounds if bound is not none -%} {%- do whole_number(place, name, bound) -%} {%- endfor -%}
    {%- if bounds == [none, none] -%} {{ definition_fault(place, name ~ ' needs from, to or both') }} {%- endif -%}
    {%- if none not in bounds and bounds[0] > bounds[1] -%}
        {{ definition_fault(place, name ~ ' ends before it begins') }}
    {%- endif -%}
    {{- return(bounds) -}}
{%- endmacro %}

{% macro custom_predicate(place, field, condition) -%}
    {%- set value = "(customers.custom_fields ->> " ~ text_literal(field) ~ ")" -%}
    {%- set name = 'custom.' ~ field -%}
    {%- if condition is not mapping -%}
    {{ value }} in ({{ text_list(json_words(one_or_more(place, name, condition))) }})
    {%- else -%}
        {%- set ways = known_keys(place, name, condition, ['equals', 'contains', 'in', 'from', 'to']) -%}
        {%- for way, wanted in ways.items() -%}
    {{ ' and ' if not loop.first }}
            {%- if way in ['equals', 'in'] -%}
    {{ value }} in ({{ text_list(json_words(one_or_more(place, name ~ '.' ~ way, wanted))) }})
            {%- elif way == 'contains' -%}
    {{ text_predicate(place, name, value, {'contains': wanted}) }}
            {%- elif wanted is number -%}
    {#- a text that is no number is in no range of numbers, nor is one of more digits than PostgreSQL's have -#}
    case
        when {{ value }} ~ '^-?[0-9]+([.][0-9]+)?$' and pg_input_is_valid({{ value }}, 'numeric')
            then {{ value }}::numeric
    end
        {{- ' >= ' if way == 'from' else ' <= ' }}{{ wanted }}
            {%- elif wanted is none -%}
    {{ definition_fault(place, name ~ '.' ~ way ~ ' needs a value') }}
            {%- else -%}
    {#- dates and other texts in the order of their characters; of a time, as much as the bound says -#}
    left({{ value }}, {{ wanted | string | length }}) collate "C"
        {{- ' >= ' if way == 'from' else ' <= ' }}{{ text_literal(wanted) }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro json_words(values) -%}
    {#- As JSON writes them: true, not True. -#}
    {%- set words = [] -%}
    {%- for value in values -%}
        {%- do words.append((value | string).lower() if value is boolean else value | string) -%}
    {%- endfor -%}
    {{- return(words) -}}
{%- endmacro %}
