-- without a `with`, like every view of this folder: PostgreSQL plans a view that has one by itself, and could not look
-- up one customer's rows through it
select
    orders.order_id,
    orders.customer_id,

    -- what it is
    orders.kind,
    orders.continuation_no,
    orders.status,
    orders.access_url as site,
    orders.amount,
    orders.payment_method,

    -- when it counts: from the order until its cancellation; cancelled at an unknown time, never (R-102j)
    orders.ordered_at,
    {{ local_date('orders.ordered_at') }} as ordered_on,
    orders.cancelled_at,
    case
        -- a return is no cancellation (R-051); the contract gives both the same column
        when orders.status = 'returned' then tstzrange(orders.ordered_at, null)
        when orders.status = 'cancelled' and orders.cancelled_at is null then 'empty'::tstzrange
        when orders.cancelled_at <= orders.ordered_at then 'empty'::tstzrange
        else tstzrange(orders.ordered_at, orders.cancelled_at)
    end as counts_during,

    -- anchors
    case
        -- coupons and points are paid as soon as the order stands, and so is what is shown as paid (R-067, R-068)
        when payment_methods.method_type in ('coupon', 'points') then {{ local_date('orders.ordered_at') }}
        when payment_methods.paid_display = 'show' then {{ local_date('orders.ordered_at') }}
        else coalesce(orders.authorised_on, orders.paid_on)
    end as payment_anchor_on,
    orders.shipped_on,
    coalesce(
        orders.desired_delivery_on,
        orders.shipped_on + {{ env_var('EKIDEN_DESIRED_DELIVERY_ADDED_DAYS', '5') }}
    ) as desired_delivery_anchor_on
from {{ source('raw', 'orders') }} as orders
left join {{ ref('stg_payment_methods') }} as payment_methods
    on orders.payment_method = payment_methods.payment_method
