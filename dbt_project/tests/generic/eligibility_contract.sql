{#- What planning relies on beyond the columns' types: one row per customer and anchor, and nobody comes in before the
    anchor. A model whose SQL was written by hand must keep it as well. -#}
{% test eligibility_contract(model) %}

with repeated as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'more than one row' as fault
    from {{ model }}
    group by customer_id, anchor_kind, anchor_key
    having count(*) > 1
),

early as (
    select
        customer_id,
        anchor_kind,
        anchor_key,
        'entry before the anchor' as fault
    from {{ model }}
    where
        not isempty(entry_during)
        and (lower_inf(entry_during) or lower(entry_during) < anchor_at)
)

select * from repeated
union all
select * from early

{% endtest %}
