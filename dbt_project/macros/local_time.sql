{% macro time_zone() -%}
    {#- The shop's time zone, an IANA name (R-079). -#}
    {{ env_var('EKIDEN_TIME_ZONE', 'Asia/Tokyo') }}
{%- endmacro %}

{% macro local_date(instant) -%}
    {#- The shop's calendar date of an instant. -#}
    ({{ instant }} at time zone '{{ time_zone() }}')::date
{%- endmacro %}

{% macro start_of_local_date(date) -%}
    {#- The instant at which a calendar date begins in the shop. -#}
    (({{ date }})::timestamp at time zone '{{ time_zone() }}')
{%- endmacro %}
