-- Candidates of this run whom the arbitration kept out.
select distinct
    candidates.scenario_id,
    candidates.customer_id
from pg_temp.arbitration
inner join pg_temp.candidates on arbitration.candidate_id = candidates.candidate_id
inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id and contestants.is_selected
where arbitration.rule <> 'enters'
