-- Anchors that the last sweep did not reach, or not for good, of those who could enter by them.
insert into pg_temp.looked_at (scenario_id, customer_id)
select distinct
    %(scenario_id)s::bigint,
    customer_id
from {eligibility}
where
    (
        (anchor_date > %(swept_to)s::date and anchor_date <= %(anchored_to)s::date)
        or (
            anchor_date >= coalesce(%(anchored_from)s::date, '-infinity')
            and anchor_date < coalesce(%(swept_from)s::date, '-infinity')
        )
    )
    and customer_id is not null
    and entry_during @> (
        {judged_at}
    )
    and not stop_during @> (
        {judged_at}
    )
    and not stop_during @> %(now)s::timestamptz
on conflict do nothing
