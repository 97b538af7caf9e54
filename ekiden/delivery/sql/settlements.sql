-- What people said of unknown messages, the latest first; and whether the provider's events show that they were wrong:
-- that it had what they called not sent. What came after a message was posted again may be about that posting.
select
    settlements.settled_at,
    settlements.settled_by,
    settlements.settled_as,
    settlements.reason,
    settlements.settled_as = 'not-sent' and exists (
        select
        from outreach.delivery_events as told
        where
            told.message_id = settlements.message_id
            and told.kind <> 'dropped'
            and told.happened_at < coalesce(posted_again.posted_at, 'infinity')
    ) as contradicted,
    -- not where the next attempt found that the provider had it
    posted_again.posted_at is not null
    and coalesce(posted_again.detail, '') <> %(carried_already)s as was_posted_again,
    scenarios.scenario_code,
    rows.customer_id,
    rows.step_no,
    rows.state,
    settlements.answer,
    settlements.events,
    settlements.message_id,
    settlements.schedule_row_id,
    settlements.attempt_no,
    settlements.run_id
from outreach.settlements
inner join outreach.schedule_rows as rows on settlements.schedule_row_id = rows.schedule_row_id
inner join outreach.scenarios on rows.scenario_id = scenarios.scenario_id
left join outreach.attempts as posted_again
    on
        settlements.schedule_row_id = posted_again.schedule_row_id
        and settlements.attempt_no + 1 = posted_again.attempt_no
order by settlements.settled_at desc, settlements.schedule_row_id asc
limit %(most)s
