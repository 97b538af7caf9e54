-- What becomes of every candidate, and by which rule; one row each:
--   enters             nothing is against it
--   outranked          a better exclusive scenario has this customer as a candidate as well (R-019, C-07)
--   active_elsewhere   the customer is in an exclusive scenario that is at least as good
--   on_its_way         it would supersede an enrolment whose message is just being sent, or failed
-- Contenders for a customer are the exclusive scenarios with a candidate and those the customer is in already; the best
-- priority wins, of equals the one that is there already, then the lowest code.
insert into pg_temp.arbitration (candidate_id, rule, winner_id)
with contenders as (
    select
        candidates.customer_id,
        contestants.scenario_id,
        contestants.scenario_code,
        contestants.priority,
        false as is_there_already
    from pg_temp.candidates
    inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id
    where contestants.is_exclusive
    union all
    select
        customer_id,
        scenario_id,
        scenario_code,
        priority,
        true as is_there_already
    from pg_temp.rivals
    where is_exclusive
),

winners as (
    select distinct on (customer_id)
        customer_id,
        scenario_id,
        is_there_already
    from contenders
    order by customer_id asc, priority asc, is_there_already desc, scenario_code asc
),

judged as (
    select
        candidates.candidate_id,
        winners.scenario_id as winner_id,
        contestants.is_exclusive and winners.scenario_id <> candidates.scenario_id as has_lost,
        winners.is_there_already,
        exists(
            select
            from pg_temp.rivals
            where
                rivals.customer_id = candidates.customer_id
                and rivals.is_on_its_way
                and case
                    when rivals.scenario_id = candidates.scenario_id then contestants.restarts
                    else contestants.is_exclusive and rivals.is_exclusive
                end
        ) as meets_one_on_its_way
    from pg_temp.candidates
    inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id
    left join winners on candidates.customer_id = winners.customer_id and contestants.is_exclusive
)

select
    candidate_id,
    case
        when has_lost and is_there_already then 'active_elsewhere'
        when has_lost then 'outranked'
        when meets_one_on_its_way then 'on_its_way'
        else 'enters'
    end as rule,
    winner_id
from judged
