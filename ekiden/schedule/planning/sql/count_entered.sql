-- How many enrolments this run let in, by scenario.
select
    candidates.scenario_id,
    count(*)::integer as customers
from pg_temp.arbitration
inner join pg_temp.candidates on arbitration.candidate_id = candidates.candidate_id
inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id and contestants.is_selected
where arbitration.rule = 'enters'
group by candidates.scenario_id
