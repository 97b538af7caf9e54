-- E9: every row of the enrolment is deleted, none was sent.
update outreach.enrolments
set state = 'removed', exit_reason = null, exited_at = %(now)s
where
    enrolments.enrolment_id in (select chosen.enrolment_id from pg_temp.chosen_rows as chosen)
    and enrolments.state <> 'removed'
    and not exists (
        select
        from outreach.schedule_rows
        where schedule_rows.enrolment_id = enrolments.enrolment_id and schedule_rows.state <> 'deleted'
    )
