-- After an edit of a scenario that re-evaluates (C-14, R-036): enrolments of its earlier versions whose entry
-- conditions hold no more by the new table. A row on its way is left to its sender.
insert into pg_temp.stops (enrolment_id, reason)
select
    enrolments.enrolment_id,
    'stop_condition' as reason
from outreach.enrolments as enrolments
left join outreach.schedule_rows as open_rows
    on
        enrolments.enrolment_id = open_rows.enrolment_id
        and open_rows.state in ('ready', 'held', 'sending', 'failed')
left join {eligibility} as eligibility
    on
        enrolments.customer_id = eligibility.customer_id
        and enrolments.anchor_kind = eligibility.anchor_kind
        and enrolments.anchor_key = eligibility.anchor_key
where
    enrolments.scenario_id = %(scenario_id)s
    and enrolments.state = 'active'
    and enrolments.scenario_version_id <> %(scenario_version_id)s
    and coalesce(open_rows.state, 'ready') in ('ready', 'held')
    and not coalesce(eligibility.entry_during @> %(now)s::timestamptz, false)
on conflict do nothing
