-- E5: nothing is left that could be sent.
update outreach.enrolments
set state = 'stopped', exit_reason = %(exit_reason)s, exited_at = %(now)s
where
    enrolment_id = any(%(enrolments)s)
    and state = 'active'
    and not exists (
        select
        from outreach.schedule_rows as open_rows
        where
            open_rows.enrolment_id = enrolments.enrolment_id
            and open_rows.state in ('ready', 'held', 'sending', 'failed')
    )
