-- E9: every row of the enrolment is deleted, none was sent.
update outreach.enrolments
set state = 'removed', exit_reason = null, exited_at = %(now)s
where
    enrolment_id = any(%(enrolments)s)
    and state <> 'removed'
    and not exists (
        select
        from outreach.schedule_rows
        where schedule_rows.enrolment_id = enrolments.enrolment_id and schedule_rows.state <> 'deleted'
    )
