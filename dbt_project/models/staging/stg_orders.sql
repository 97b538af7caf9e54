with orders as (
    select * from {{ source('raw', 'orders') }}
),

payment_methods as (
    select * from {{ ref('stg_payment_methods') }}
),

dated as (
    select
        *,
        {{ local_date('ordered_at') }} as ordered_on
    from orders
)

select
    dated.order_id,
    dated.customer_id,

    -- what it is
    dated.kind,
    dated.continuation_no,
    dated.status,
    dated.access_url as site,
    dated.amount,
    dated.payment_method,

    -- when it counts: from the order until its cancellation; cancelled at an unknown time, never (R-102j)
    dated.ordered_at,
    dated.ordered_on,
    dated.cancelled_at,
    case
        -- a return is no cancellation (R-051); the contract gives both the same column
        when dated.status = 'returned' then tstzrange(dated.ordered_at, null)
        when dated.status = 'cancelled' and dated.cancelled_at is null then 'empty'::tstzrange
        when dated.cancelled_at <= dated.ordered_at then 'empty'::tstzrange
        else tstzrange(dated.ordered_at, dated.cancelled_at)
    end as counts_during,

    -- anchors
    case
        -- coupons and points are paid as soon as the order stands, and so is what is shown as paid (R-067, R-068)
        when payment_methods.method_type in ('coupon', 'points') then dated.ordered_on
        when payment_methods.paid_display = 'show' then dated.ordered_on
        else coalesce(dated.authorised_on, dated.paid_on)
    end as payment_anchor_on,
    dated.shipped_on,
    coalesce(
        dated.desired_delivery_on,
        dated.shipped_on + {{ env_var('EKIDEN_DESIRED_DELIVERY_ADDED_DAYS', '5') }}
    ) as desired_delivery_anchor_on
from dated
left join payment_methods on dated.payment_method = payment_methods.payment_method
