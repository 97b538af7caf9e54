-- What people said of unknown messages, the latest first; and whether the provider's events show that they were wrong:
-- that it had what they called not sent. What came after a message was posted again may be about that posting, unless
-- that one surely reached nobody.
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
    posted_again.posted_at is not null as was_posted_again,
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
left join lateral (
    select later.posted_at
    from outreach.attempts as later
    where
        settlements.schedule_row_id = later.schedule_row_id
        and settlements.attempt_no < later.attempt_no
        and later.posted_at is not null
        -- not posted, as the provider had it
        and later.detail is distinct from %(carried_already)s
        -- surely not taken; not so where a person said it, who may have been wrong
        and (
            coalesce(later.outcome not in ('not_sent', 'refused'), true)
            or exists (
                select
                from outreach.settlements as said
                where later.schedule_row_id = said.schedule_row_id and later.attempt_no = said.attempt_no
            )
        )
    order by later.attempt_no
    limit 1
) as posted_again on true
order by settlements.settled_at desc, settlements.schedule_row_id asc
limit %(most)s
