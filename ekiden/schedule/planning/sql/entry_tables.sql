-- What becomes of one plan's candidates, from finding them to their enrolments; gone when the plan is committed.
create temporary table candidates (
    candidate_id bigint generated always as identity, scenario_id bigint, scenario_version_id bigint, customer_id text,
    entry_key text, anchor_kind text, anchor_key text, anchor_at timestamptz, anchor_date date, entry_date date
) on commit drop;
-- the scenarios that have candidates; a priority that was not given comes after every number
create temporary table contestants (
    scenario_id bigint primary key, scenario_code text, is_exclusive boolean, restarts boolean,
    priority double precision, is_selected boolean
) on commit drop;
create temporary table rivals (
    enrolment_id bigint, scenario_id bigint, scenario_code text, customer_id text, is_exclusive boolean,
    restarts boolean, priority double precision, is_on_its_way boolean
) on commit drop;
-- every candidate with the rule that decided, and the exclusive scenario that won, where there was a contest
create temporary table arbitration (
    candidate_id bigint primary key, rule text not null, winner_id bigint
) on commit drop;
create temporary table entered (enrolment_id bigint, scenario_id bigint, anchor_date date) on commit drop;
