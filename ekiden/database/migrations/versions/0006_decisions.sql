-- What planning decided of everyone it considered and did not let in, for years: customers' ids in arrays, one for each
-- scenario, day, rule and run, sorted so that they compress, with an index that finds one person's. What the ledger
-- records as transitions (entries, births, holds, cancellations, sends) is not stored twice: the view
-- outreach.decisions unites both, one row for each customer, scenario, step, day and rule.

create table outreach.decision_rules (
    rule text primary key,
    -- planning asks in this order, and the first that is against it decides
    rule_no smallint not null unique,
    rule_in_words text not null,
    rule_ja text not null
);

comment on table outreach.decision_rules is
'Every rule that decides, in the order in which planning asks, with a sentence and the Japanese label.';

insert into outreach.decision_rules (rule_no, rule, rule_in_words, rule_ja) values
-- planning, about a whole scenario
(10, 'not_enabled', 'the scenario was not enabled, so nobody was considered', 'シナリオ無効'),
(20, 'definition_broken', 'the scenario''s definition had faults, so nobody was considered', 'シナリオ定義エラー'),
-- planning, about a customer: the scenario, the calendar, the person, the ledger, the other scenarios
(110, 'step_stopped', 'step 1 was stopped by force', 'ステップ強制停止'),
(120, 'outside_period', 'step 1''s due date was outside the scenario''s period', 'シナリオ期間外'),
(130, 'past_date_skipped', 'the due date had passed, and the scenario leaves out such steps', '実施予定日経過'),
(210, 'duplicate_unconfirmed', 'the record was not confirmed in duplicate management', '名寄せ未確認'),
(220, 'conditions_not_met', 'the entry conditions did not hold', '対象条件不一致'),
(230, 'stop_condition_held', 'a stop condition held before the customer entered', '停止条件該当'),
(310, 'blocked_before', 'a person had blocked the customer in this scenario', '配信不可設定済'),
(320, 'already_enrolled', 'the customer was in this scenario already', '流入中'),
(330, 'entered_before', 'the customer had gone through the scenario and may not enter again by this anchor', '流入済'),
(410, 'outranked', 'a scenario of better priority had the customer as a candidate as well', '優先順位による除外'),
(420, 'active_elsewhere', 'the customer was in an exclusive scenario of the same or a better priority', '他シナリオ流入中'),
(430, 'on_its_way', 'a message of what would be superseded was just being sent, or had failed', '送信処理中'),
(490, 'overlooked', 'no rule was against it and yet the customer did not enter: a fault in Ekiden, tell us', '判定漏れ'),
-- the ledger: a customer who is in
(510, 'entered', 'nothing was against it: the customer entered', '流入'),
(520, 'row_past_date', 'the customer is in, but step 1''s date had passed, so it was left out', '実施予定日経過（流入済）'),
(610, 'due', 'the step was due and may be sent at its time', '実施可能'),
(620, 'past_due', 'the step was due before the day on which its row was made: it waits for a release', '実施予定日超過'),
(630, 'past_time', 'the step''s time of the day had passed when its row was made: it waits for a release', '実施時刻超過'),
(640, 'missed_send', 'the step''s time passed by too far: it waits for a release', '送信遅延'),
(650, 'operator', 'a person held it', '担当者による保留'),
(660, 'released', 'a person released it', '担当者による保留解除'),
(670, 'retried', 'what had failed was made ready again', '再送信'),
(680, 'reopened', 'a person took back the block', '配信不可の解除'),
(710, 'accepted', 'the message was sent', '送信済'),
(720, 'exported', 'the row left with a list', 'リスト出力済'),
(730, 'not_sent', 'sending failed; surely nothing was sent', '送信エラー'),
(740, 'suppressed', 'the address was on the suppression list', '配信停止リスト該当'),
(750, 'newsletter_status', 'the customer''s newsletter status did not admit it', 'メルマガ受信不可'),
(760, 'no_address', 'the customer had no address', '宛先なし'),
(770, 'content_invalid', 'the content could not be rendered', 'コンテンツ不正'),
(810, 'stop_condition', 'a stop condition came true', '停止条件'),
(820, 'force_stopped', 'the step was stopped by force', '強制停止'),
(830, 'superseded', 'a better scenario or a later anchor took its place', '優先シナリオへ移行'),
(835, 'hold_expired', 'nobody released it in time', '保留期限切れ'),
(840, 'blocked', 'a person blocked it: the customer never enters this scenario again', '配信不可'),
(850, 'manual_complete', 'a person completed it', '手動完了'),
(860, 'step_not_sent', 'a step was not sent, so the chain ended', 'ステップ未送信'),
(870, 'deleted', 'a person deleted it', '削除'),
(880, 'finished', 'the last step was sent', '全ステップ配信済');

create table outreach.decision_batches (
    decision_batch_id bigint generated always as identity primary key,
    scenario_id bigint not null references outreach.scenarios,
    -- the scenario that won, where there was a contest
    other_scenario_id bigint references outreach.scenarios,
    run_id uuid not null references outreach.runs,
    decided_at timestamptz not null,
    day date not null,
    step_no smallint not null,
    customer_count integer not null generated always as (cardinality(customers)) stored,
    rule text not null references outreach.decision_rules,
    customers text[] not null
);

comment on table outreach.decision_batches is
'Decisions of planning that no transition records: the customers of one scenario, day, step, rule and run.';
comment on column outreach.decision_batches.day is
'The planned day: that on which the customer would have entered, or the first one planned if that was earlier.';
comment on column outreach.decision_batches.customers is
'Customer ids in byte order, at most 1,000; none where the decision is about the whole scenario.';

-- quicker than the default method; a server may have been built without it
do $$
begin
    alter table outreach.decision_batches alter column customers set compression lz4;
exception when feature_not_supported then
    null;
end;
$$;

create index decision_batches_by_day on outreach.decision_batches (day, scenario_id);
create index decision_batches_by_customer on outreach.decision_batches using gin (customers);
-- the same questions of those who entered
create index enrolments_by_day on outreach.enrolments (partition_date, scenario_id);

-- the days that each scenario's last sweep decided about, of everybody: about them the next one decides anew only of
-- whom it looks at
create table outreach.decided_days (
    scenario_id bigint primary key references outreach.scenarios,
    first_day date not null,
    last_day date not null
);

create trigger refuse_rewriting before update or delete on outreach.decision_batches
for each statement execute function outreach.refuse_rewriting();

-- What a transition decided, and the rule: its reason where that is one of the ledger's own words.
create view outreach.ledger_decisions as
with recorded as (
    select
        rows.due_date as day,
        rows.scenario_id,
        rows.customer_id,
        rows.step_no,
        transitions.*
    from outreach.schedule_rows as rows
    inner join outreach.transitions
        on transitions.subject = 'schedule_row' and rows.schedule_row_id = transitions.subject_id
    -- a claim decides nothing: what becomes of it is the next transition
    where transitions.transition <> 'T6'
    union all
    select
        enrolments.partition_date as day,
        enrolments.scenario_id,
        enrolments.customer_id,
        -- an end is the whole enrolment's
        case when transitions.transition = 'E1' then 1 end as step_no,
        transitions.*
    from outreach.enrolments
    inner join outreach.transitions
        on transitions.subject = 'enrolment' and enrolments.enrolment_id = transitions.subject_id
),

ruled as (
    select
        recorded.*,
        case recorded.transition
            when 'T1' then 'due'
            when 'T3' then 'released'
            when 'T7' then 'accepted'
            when 'T9' then 'not_sent'
            when 'T10' then 'retried'
            when 'T11' then 'exported'
            when 'T12' then 'manual_complete'
            when 'T13' then 'blocked'
            when 'T14' then 'reopened'
            when 'T16' then 'deleted'
            when 'E1' then 'entered'
            when 'E2' then 'finished'
            when 'E9' then 'deleted'
            when 'E10' then 'reopened'
            else coalesce(recorded.reason, recorded.to_state)
        end as rule
    from recorded
)

select
    ruled.day,
    scenarios.scenario_code,
    ruled.customer_id,
    ruled.step_no,
    case
        when ruled.subject = 'schedule_row' and ruled.transition = 'T3' then 'released'
        when ruled.subject = 'schedule_row' then ruled.to_state
        when ruled.transition = 'E1' then 'entered'
        else 'enrolment_' || ruled.to_state
    end as decision,
    ruled.rule,
    coalesce(rules.rule_in_words, ruled.rule) as rule_in_words,
    coalesce(rules.rule_ja, ruled.rule) as rule_ja,
    null::text as other_scenario_code,
    -- in the words of whoever acted
    ruled.reason,
    ruled.actor_kind,
    ruled.actor,
    ruled.transitioned_at as decided_at,
    ruled.run_id,
    ruled.scenario_id
from ruled
inner join outreach.scenarios on ruled.scenario_id = scenarios.scenario_id
left join outreach.decision_rules as rules on ruled.rule = rules.rule;

-- the batches with the words of the view below, before their customers are told apart
create view outreach.worded_decision_batches as
select
    batches.day,
    scenarios.scenario_code,
    batches.customers,
    batches.customer_count,
    batches.step_no::integer as step_no,
    case
        when batches.rule in ('not_enabled', 'definition_broken') then 'not_considered'
        when batches.rule = 'row_past_date' then 'no_row'
        else 'turned_away'
    end as decision,
    batches.rule,
    rules.rule_in_words,
    rules.rule_ja,
    others.scenario_code as other_scenario_code,
    null::text as reason,
    runs.actor_kind,
    runs.actor,
    batches.decided_at,
    batches.run_id,
    batches.scenario_id
from outreach.decision_batches as batches
inner join outreach.scenarios on batches.scenario_id = scenarios.scenario_id
inner join outreach.decision_rules as rules on batches.rule = rules.rule
inner join outreach.runs on batches.run_id = runs.run_id
left join outreach.scenarios as others on batches.other_scenario_id = others.scenario_id;

create view outreach.decisions as
select
    batches.day,
    batches.scenario_code,
    decided.customer_id,
    batches.step_no,
    batches.decision,
    batches.rule,
    batches.rule_in_words,
    batches.rule_ja,
    batches.other_scenario_code,
    batches.reason,
    batches.actor_kind,
    batches.actor,
    batches.decided_at,
    batches.run_id,
    batches.scenario_id
from outreach.worded_decision_batches as batches
-- a decision about a whole scenario names no customer, and is one row
left join lateral unnest(batches.customers) as decided (customer_id) on true
union all
select *
from outreach.ledger_decisions;

comment on view outreach.decisions is
'Every decision: what was decided of a customer in a scenario and step on a day, and by which rule first.';
comment on column outreach.decisions.day is
'The day it is about: a schedule row''s due date; of entering or not, the planned day.';
comment on column outreach.decisions.customer_id is 'Empty where the decision is about the whole scenario.';
comment on column outreach.decisions.step_no is 'Empty where the decision is about the whole enrolment.';
comment on column outreach.decisions.decision is
'turned_away, entered, a schedule row''s new state, enrolment_ and its new state, no_row, released or not_considered.';
comment on column outreach.decisions.other_scenario_code is 'The scenario that won, where there was a contest.';
comment on column outreach.decisions.decided_at is
'When; of several decisions about the same customer, scenario, step and day, the latest holds.';

-- One person's decisions by index, whatever the years have gathered.
create function outreach.decisions_of(given_customer text) returns setof outreach.decisions
language sql stable as $$
    select
        batches.day,
        batches.scenario_code,
        given_customer,
        batches.step_no,
        batches.decision,
        batches.rule,
        batches.rule_in_words,
        batches.rule_ja,
        batches.other_scenario_code,
        batches.reason,
        batches.actor_kind,
        batches.actor,
        batches.decided_at,
        batches.run_id,
        batches.scenario_id
    from outreach.worded_decision_batches as batches
    where batches.customers @> array[given_customer]
    union all
    select *
    from outreach.ledger_decisions
    where ledger_decisions.customer_id = given_customer
$$;
