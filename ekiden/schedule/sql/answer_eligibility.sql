-- How the anchors of one scenario version's rows stand at an instant. A stop comes first: the next plan cancels for it.
insert into pg_temp.answers (schedule_row_id, because)
select
    asked_rows.schedule_row_id,
    case
        when eligibility.customer_id is null then 'anchor_gone'
        when eligibility.stop_during @> %(now)s::timestamptz then 'stop_holds'
        when eligibility.entry_during @> %(now)s::timestamptz then 'entry_holds'
        else 'entry_no_longer_holds'
    end as because
from pg_temp.asked_rows
left join {eligibility} as eligibility
    on
        asked_rows.customer_id = eligibility.customer_id
        and asked_rows.anchor_kind = eligibility.anchor_kind
        and asked_rows.anchor_key = eligibility.anchor_key
where asked_rows.scenario_version_id = %(scenario_version_id)s
on conflict do nothing
