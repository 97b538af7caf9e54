-- E1: whom arbitration lets in, once every scenario's candidates are known.
with born as (
    insert into outreach.enrolments (
        scenario_id, scenario_version_id, customer_id, entry_key, anchor_kind, anchor_key, anchor_at, anchor_date,
        state, entered_at, plan_run_id, partition_date, eligibility_build_id, eligibility_git_revision
    )
    select
        candidates.scenario_id,
        candidates.scenario_version_id,
        candidates.customer_id,
        candidates.entry_key,
        candidates.anchor_kind,
        candidates.anchor_key,
        candidates.anchor_at,
        candidates.anchor_date,
        'active',
        %(now)s,
        %(run_id)s,
        least(greatest(candidates.entry_date, %(first_day)s), %(last_day)s),
        registry.build_id,
        registry.git_revision
    from pg_temp.candidates
    inner join pg_temp.contestants on candidates.scenario_id = contestants.scenario_id and contestants.is_selected
    inner join pg_temp.arbitration on candidates.candidate_id = arbitration.candidate_id and arbitration.rule = 'enters'
    inner join outreach.scenarios on candidates.scenario_id = scenarios.scenario_id
    left join eligibility.scenario_registry as registry on scenarios.model_name = registry.model_name
    on conflict (scenario_id, customer_id, entry_key) where state <> 'removed' do nothing
    returning enrolment_id, scenario_id, anchor_date
)

insert into pg_temp.entered (enrolment_id, scenario_id, anchor_date)
select
    enrolment_id,
    scenario_id,
    anchor_date
from born
