-- Whom a message was for. Only one that was posted has a link; a bare message id stands for a message only where its
-- links were not signed yet. Of several attempts it is the last that the provider may have taken, as in the message's
-- record (`sending.record`): the address may have changed between them.
with posted as (
    select
        attempts.schedule_row_id,
        (
            array_agg(
                attempts.to_address
                order by
                    coalesce(attempts.outcome in ('not_sent', 'refused'), false) and settlements.attempt_no is null,
                    attempts.attempt_no desc
            )
        )[1] as to_address,
        min(attempts.claimed_at) as first_claimed_at
    from outreach.schedule_rows as rows
    inner join outreach.attempts on rows.schedule_row_id = attempts.schedule_row_id
    left join outreach.settlements
        on
            attempts.schedule_row_id = settlements.schedule_row_id
            and attempts.attempt_no = settlements.attempt_no
    where
        rows.message_id = %(message_id)s
        and attempts.posted_at is not null
        and attempts.detail is distinct from %(carried_already)s
    group by attempts.schedule_row_id
)

select
    rows.schedule_row_id,
    rows.message_id,
    rows.customer_id,
    rows.channel,
    posted.to_address
from posted
inner join outreach.schedule_rows as rows on posted.schedule_row_id = rows.schedule_row_id
where
    %(is_signed)s
    or posted.first_claimed_at < (select signed_links.signed_since from outreach.signed_links)
