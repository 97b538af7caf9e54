-- Active enrolments of one scenario version whose stop condition holds now: those with a row that can still be
-- cancelled, and those that wait for their first row. A row on its way is left to its sender. An entry into a segment
-- that is no anchor any more never was one: a fact that reached us late took it back.
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
    and coalesce(open_rows.scenario_version_id, enrolments.scenario_version_id) = %(scenario_version_id)s
    and coalesce(open_rows.state, 'ready') in ('ready', 'held')
    and (
        eligibility.stop_during @> %(now)s::timestamptz
        or (enrolments.anchor_kind = 'entered' and eligibility.customer_id is null)
    )
on conflict do nothing
