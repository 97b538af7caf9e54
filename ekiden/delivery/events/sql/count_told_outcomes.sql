-- Rows of unknown outcome of which the provider has told anything: a drain would settle them.
select count(*)
from outreach.attempts
inner join outreach.schedule_rows as rows
    on attempts.schedule_row_id = rows.schedule_row_id and attempts.attempt_no = rows.attempts
left join outreach.attempts as before
    on attempts.schedule_row_id = before.schedule_row_id and attempts.attempt_no = before.attempt_no + 1
where
    attempts.outcome = 'unknown'
    and rows.state = 'sending'
    and exists (
        select
        from outreach.delivery_events as events
        where
            events.message_id = rows.message_id
            and (
                events.kind <> 'dropped'
                or (
                    events.happened_at >= attempts.posted_at - %(clocks_apart)s
                    and events.received_at > coalesce(before.finished_at, '-infinity')
                )
            )
    )
