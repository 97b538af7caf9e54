-- Candidates of this run that did not enter, by scenario and the rule that decided.
select
    contestants.scenario_code,
    arbitration.rule,
    count(*)::integer as candidates
from pg_temp.arbitration
inner join pg_temp.candidates on arbitration.candidate_id = candidates.candidate_id
inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id and contestants.is_selected
where arbitration.rule <> 'enters'
group by contestants.scenario_code, arbitration.rule
order by contestants.scenario_code asc, arbitration.rule asc
