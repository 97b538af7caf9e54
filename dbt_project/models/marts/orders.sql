-- read from end to end and sorted, by several processes: by the index of customers each order lies on another page; a
-- few customers' are found by a bitmap of it all the same
{{ config(
    unique_key=['customer_id', 'order_id'],
    indexes=[{'columns': ['customer_id']}],
    pre_hook='set local enable_indexscan = off'
) }}

with orders as (
    select * from {{ facts_read('orders', ref('stg_orders')) }}
)

select * from orders
-- whoever looks at a customer's orders together, and most do, finds them together
order by customer_id
