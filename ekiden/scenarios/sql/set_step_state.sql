insert into outreach.scenario_steps (scenario_id, step_no, state)
values (%(scenario_id)s, %(step_no)s, %(state)s)
on conflict (scenario_id, step_no) do update set
    state = excluded.state
