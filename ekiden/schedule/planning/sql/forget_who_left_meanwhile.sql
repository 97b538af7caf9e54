-- Candidates whose enrolment in the scenario somebody ended since they were found, as who asks now finds them: it is no
-- rival any more, and keeps out whom it would have kept out (the same rules as in find_candidates.sql).
delete from pg_temp.candidates
using pg_temp.contestants, outreach.enrolments as earlier
where
    candidates.scenario_id = contestants.scenario_id
    and candidates.scenario_id = earlier.scenario_id
    and candidates.customer_id = earlier.customer_id
    and earlier.state = 'stopped'
    and (
        earlier.exit_reason = 'blocked'
        or (
            contestants.restarts
            and earlier.exit_reason <> 'superseded'
            and coalesce(earlier.left_at, earlier.exited_at) >= candidates.anchor_at
        )
    )
