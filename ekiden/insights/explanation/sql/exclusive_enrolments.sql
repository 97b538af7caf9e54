-- The other exclusive scenarios that the customer is in now, or was in at a past instant (C-07), the best by priority
-- first, or one enrolment that is given; with what the next plan looks at before anybody enters: by which version the
-- stop is asked, since when a hold that nobody chose waits.
select
    scenarios.scenario_code,
    scenarios.priority,
    enrolments.entered_at,
    coalesce(
        open_rows.state in ('sending', 'failed')
        and (%(as_of)s::timestamptz is null or open_rows.state_changed_at <= %(as_of)s::timestamptz),
        false
    ) as is_on_its_way,
    case
        when
            open_rows.state = 'held'
            and (
                select transitions.actor_kind
                from outreach.transitions
                where
                    transitions.subject = 'schedule_row'
                    and transitions.subject_id = open_rows.schedule_row_id
                    and transitions.to_state = 'held'
                order by transitions.transition_id desc
                limit 1
            ) <> 'operator'
            then open_rows.state_changed_at
    end as held_since,
    scenarios.hold_expires_after_days,
    versions.reevaluate_on_update
    and coalesce(scenarios.reevaluated_version_id <> scenarios.current_version_id, true)
    and enrolments.scenario_version_id <> scenarios.current_version_id as is_reevaluated,
    coalesce(open_rows.schedule_row_id, 0) as schedule_row_id,
    enrolments.enrolment_id,
    born_from.scenario_version_id,
    enrolments.customer_id,
    enrolments.anchor_kind,
    enrolments.anchor_key,
    enrolments.entered_at as due_since,
    false as was_released,
    coalesce(steps.state = 'force_stopped', false) as is_force_stopped,
    true as is_active,
    null::interval as max_lateness,
    scenarios.relation_name,
    born_from.live_function
from outreach.enrolments
inner join outreach.scenarios on enrolments.scenario_id = scenarios.scenario_id
inner join outreach.scenario_versions as versions on scenarios.current_version_id = versions.scenario_version_id
left join outreach.schedule_rows as open_rows
    on
        enrolments.enrolment_id = open_rows.enrolment_id
        and open_rows.state in ('ready', 'held', 'sending', 'failed')
inner join outreach.scenario_versions as born_from
    on coalesce(open_rows.scenario_version_id, enrolments.scenario_version_id) = born_from.scenario_version_id
left join outreach.scenario_steps as steps
    on enrolments.scenario_id = steps.scenario_id and coalesce(open_rows.step_no, 1) = steps.step_no
where
    enrolments.customer_id = %(customer_id)s
    and enrolments.scenario_id is distinct from %(scenario_id)s::bigint
    and case
        when %(as_of)s::timestamptz is null then enrolments.state = 'active'
        else
            enrolments.state <> 'removed'
            and enrolments.entered_at <= %(as_of)s::timestamptz
            and coalesce(enrolments.exited_at > %(as_of)s::timestamptz, true)
    end
    and case
        when %(enrolment_id)s::bigint is null then not versions.multi_delivery
        else enrolments.enrolment_id = %(enrolment_id)s::bigint
    end
    -- a model that left the project keeps nobody from anything
    and scenarios.status <> 'archived'
    -- whose row a person deleted waits for nothing, and gives way
    and case
        when %(as_of)s::timestamptz is null
            then
                open_rows.enrolment_id is not null
                or exists (
                    select
                    from outreach.first_rows_awaited as awaited
                    where awaited.enrolment_id = enrolments.enrolment_id
                )
        else
            -- no row was made by then, or one of them was open
            coalesce(
                (
                    select
                        bool_or(
                            born.state in ('ready', 'held', 'sending', 'failed')
                            or born.state_changed_at > %(as_of)s::timestamptz
                        )
                    from outreach.schedule_rows as born
                    where born.enrolment_id = enrolments.enrolment_id and born.created_at <= %(as_of)s::timestamptz
                ),
                true
            )
    end
order by scenarios.priority nulls last, enrolments.entered_at, scenarios.scenario_code
