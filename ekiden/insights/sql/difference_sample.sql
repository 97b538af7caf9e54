-- The latest anchors that only one of the definitions lets in.
with differing as (
    select
        case when edited_anchors.may_enter then 'added' else 'removed' end as change,
        coalesce(edited_anchors.customer_id, former_anchors.customer_id) as customer_id,
        coalesce(edited_anchors.anchor_kind, former_anchors.anchor_kind) as anchor_kind,
        coalesce(edited_anchors.anchor_key, former_anchors.anchor_key) as anchor_key,
        coalesce(edited_anchors.anchor_date, former_anchors.anchor_date) as anchor_date
    from former_anchors
    full join edited_anchors
        on
            former_anchors.customer_id = edited_anchors.customer_id
            and former_anchors.anchor_kind = edited_anchors.anchor_kind
            and former_anchors.anchor_key = edited_anchors.anchor_key
    where coalesce(edited_anchors.may_enter, false) <> coalesce(former_anchors.may_enter, false)
),

ranked as (
    select
        *,
        row_number() over (partition by change order by anchor_date desc, customer_id asc, anchor_key asc) as place
    from differing
)

select
    change,
    customer_id,
    anchor_kind,
    anchor_key,
    anchor_date
from ranked
where place <= %(sample)s
order by change asc, place asc
