{{ config(indexes=[{'columns': ['product_id']}, {'columns': ['customer_id']}]) }}

with purchases as (
    select * from {{ ref('int_purchases') }}
)

select * from purchases
