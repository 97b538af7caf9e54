-- One record for every row that is sent, with everything it can be traced by: the address, the consent and the content
-- are the last attempt's. Where that one was not posted, as the provider had the message from an earlier one, they are
-- those of the last that the provider may have taken.
insert into outreach.messages (
    message_id, schedule_row_id, enrolment_id, scenario_id, scenario_version_id, customer_id, step_no, channel,
    channel_name, anchor_kind, anchor_key, anchor_date, due_date, planned_send_at, send_at, sent_at, to_address,
    newsletter_status, consent_read_at, consent_evidence, content_hash, provider_message_id, plan_run_id,
    plan_partition_date, eligibility_build_id, eligibility_git_revision, send_run_id, released_at, released_by, due_at
)
select
    rows.message_id,
    rows.schedule_row_id,
    rows.enrolment_id,
    rows.scenario_id,
    rows.scenario_version_id,
    rows.customer_id,
    rows.step_no,
    rows.channel,
    coalesce(attempts.channel_name, 'export'),
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.anchor_date,
    rows.due_date,
    rows.planned_send_at,
    rows.send_at,
    rows.sent_at,
    attempts.to_address,
    attempts.newsletter_status,
    attempts.consent_read_at,
    -- looked at, and nothing found
    case when attempts.consent_read_at is not null then coalesce(attempts.consent_evidence, '{}') end,
    attempts.content_hash,
    case
        when rows.attempts > 1
            then (
                select answered.provider_message_id
                from outreach.attempts as answered
                where answered.schedule_row_id = rows.schedule_row_id and answered.attempt_no = rows.attempts
            )
        else attempts.provider_message_id
    end,
    -- what made the row: a plan for the first step, the run that sent the step before for a later one
    rows.run_id,
    rows.partition_date,
    enrolments.eligibility_build_id,
    enrolments.eligibility_git_revision,
    %(run_id)s,
    rows.released_at,
    rows.released_by,
    -- each try that failed has moved the row's own time
    case
        when rows.attempts > 1
            then (
                select min(tries.due_at)
                from outreach.attempts as tries
                where
                    tries.schedule_row_id = rows.schedule_row_id
                    and tries.claimed_at >= coalesce(rows.released_at, '-infinity')
            )
        else rows.send_at
    end
from outreach.schedule_rows as rows
inner join outreach.enrolments on rows.enrolment_id = enrolments.enrolment_id
left join outreach.attempts
    on
        rows.schedule_row_id = attempts.schedule_row_id
        -- most rows have one, and nothing more is read of them
        and case
            when rows.attempts > 1
                then (
                    select posted.attempt_no
                    from outreach.attempts as posted
                    where posted.schedule_row_id = rows.schedule_row_id
                    order by
                        posted.detail is not distinct from %(carried_already)s,
                        -- surely not taken; not so where a person said it, who may have been wrong
                        coalesce(posted.outcome in ('not_sent', 'refused'), false)
                        and not exists (
                            select
                            from outreach.settlements
                            where
                                settlements.schedule_row_id = posted.schedule_row_id
                                and settlements.attempt_no = posted.attempt_no
                        ),
                        posted.attempt_no desc
                    limit 1
                )
            else rows.attempts
        end = attempts.attempt_no
where rows.schedule_row_id = any(%(rows)s) and rows.state = 'sent'
