-- Who is stopped, and who is looked at for that; gone when the plan is committed.
create temporary table stops (
    enrolment_id bigint primary key, reason text not null, left_at timestamptz
) on commit drop;
-- what would be stopped, were its row not on its way, or were the table that says so known to keep the contract
create temporary table left_alone (enrolment_id bigint primary key) on commit drop;
-- the active enrolments that are looked at, with what their next message belongs to; row_state: null without a row
create temporary table stoppable (
    enrolment_id bigint primary key, scenario_id bigint, scenario_version_id bigint, customer_id text,
    anchor_kind text, anchor_key text, step_no integer, row_state text
) on commit drop;
