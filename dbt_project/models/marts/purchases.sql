-- a view: the lines lie in schema raw by product and by order already
{{ config(materialized='view') }}

with purchases as (
    select * from {{ ref('int_purchases') }}
)

select * from purchases
