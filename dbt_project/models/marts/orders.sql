{{ config(indexes=[{'columns': ['order_id'], 'unique': true}, {'columns': ['customer_id']}]) }}

with orders as (
    select * from {{ ref('stg_orders') }}
)

select * from orders
