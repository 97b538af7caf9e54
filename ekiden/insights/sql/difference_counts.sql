with compared as (
    select
        coalesce(edited_anchors.customer_id, former_anchors.customer_id) as customer_id,
        coalesce(former_anchors.may_enter, false) as could_enter,
        coalesce(edited_anchors.may_enter, false) as can_enter,
        former_anchors.is_stopped as was_stopped,
        edited_anchors.is_stopped
    from former_anchors
    full join edited_anchors
        on
            former_anchors.customer_id = edited_anchors.customer_id
            and former_anchors.anchor_kind = edited_anchors.anchor_kind
            and former_anchors.anchor_key = edited_anchors.anchor_key
),

by_customer as (
    select
        customer_id,
        bool_or(could_enter) as could_enter,
        bool_or(can_enter) as can_enter,
        count(*) filter (where could_enter) as anchors_before,
        count(*) filter (where can_enter) as anchors_after,
        count(*) filter (where can_enter and not could_enter) as anchors_added,
        count(*) filter (where could_enter and not can_enter) as anchors_removed,
        -- anchors that only one definition has are no matter of stopping
        count(*) filter (where is_stopped and not was_stopped) as newly_stopped,
        count(*) filter (where was_stopped and not is_stopped) as no_longer_stopped
    from compared
    group by customer_id
)

select
    count(*) filter (where could_enter) as customers_before,
    coalesce(sum(anchors_before), 0)::bigint as anchors_before,
    count(*) filter (where can_enter) as customers_after,
    coalesce(sum(anchors_after), 0)::bigint as anchors_after,
    count(*) filter (where can_enter and not could_enter) as customers_added,
    coalesce(sum(anchors_added), 0)::bigint as anchors_added,
    count(*) filter (where could_enter and not can_enter) as customers_removed,
    coalesce(sum(anchors_removed), 0)::bigint as anchors_removed,
    coalesce(sum(newly_stopped), 0)::bigint as newly_stopped,
    coalesce(sum(no_longer_stopped), 0)::bigint as no_longer_stopped
from by_customer
