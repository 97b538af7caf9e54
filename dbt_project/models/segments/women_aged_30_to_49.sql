-- two bands of age, as one would tick them; where they touch, the spans become one
with customers as (
    select * from {{ ref('stg_customers') }}
),

bands (first_age, last_age) as (
    values (30, 39), (40, 49)
),

spans as (
    select
        customers.customer_id,
        tstzrange(
            {{ start_of_local_date('customers.birth_date + make_interval(years => bands.first_age)') }},
            {{ start_of_local_date('customers.birth_date + make_interval(years => bands.last_age + 1)') }}
        ) as span
    from customers
    cross join bands
    where customers.gender = 'female' and customers.birth_date is not null
)

select
    customer_id,
    range_agg(span) as valid
from spans
group by customer_id
