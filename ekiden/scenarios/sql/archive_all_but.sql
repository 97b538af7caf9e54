update outreach.scenarios
set
    status = 'archived',
    updated_at = %(now)s
where model_name <> all(%(models)s) and status <> 'archived'
