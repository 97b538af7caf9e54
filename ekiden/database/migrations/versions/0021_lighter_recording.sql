-- Recording a message costs what must be written. References that the same statement has just read are not looked up a
-- second time: an attempt is written from the claim of its row, a message from its row, a row from its enrolment, and
-- nothing that they refer to is ever deleted. A row keeps the reference to its enrolment, whose own hold the rest.

alter table outreach.messages
drop constraint messages_schedule_row_id_fkey,
drop constraint messages_enrolment_id_fkey,
drop constraint messages_scenario_id_fkey,
drop constraint messages_scenario_version_id_fkey,
drop constraint messages_plan_run_id_fkey,
drop constraint messages_send_run_id_fkey;

alter table outreach.attempts
drop constraint attempts_schedule_row_id_fkey,
drop constraint attempts_run_id_fkey;

alter table outreach.schedule_rows
drop constraint schedule_rows_scenario_id_fkey,
drop constraint schedule_rows_scenario_version_id_fkey,
drop constraint schedule_rows_run_id_fkey,
drop constraint schedule_rows_state_fkey,
add constraint schedule_rows_state_is_known check (
    state in (
        'ready', 'held', 'sending', 'failed', 'sent', 'completed', 'blocked', 'skipped', 'cancelled', 'deleted'
    )
);

-- A message's id is drawn at random, and looked up by its attempts: kept where it is written once, and not with each
-- change of a row's state.
alter table outreach.schedule_rows drop constraint schedule_rows_message_id_key;
create index attempts_by_message on outreach.attempts (message_id);
