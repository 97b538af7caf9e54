-- E7: what those who enter leave behind: an enrolment in a worse exclusive scenario, and the one in the same scenario
-- that a later anchor starts anew.
insert into pg_temp.stops (enrolment_id, reason)
select distinct
    rivals.enrolment_id,
    'superseded' as reason
from pg_temp.arbitration
inner join pg_temp.candidates on arbitration.candidate_id = candidates.candidate_id
inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id
inner join pg_temp.rivals on candidates.customer_id = rivals.customer_id
where
    arbitration.rule = 'enters'
    and contestants.is_selected
    and case
        when rivals.scenario_id = candidates.scenario_id then contestants.restarts
        else contestants.is_exclusive and rivals.is_exclusive
    end
-- a stop that this plan found and a sender outran: it gives way now all the same
on conflict (enrolment_id) do update set reason = excluded.reason
