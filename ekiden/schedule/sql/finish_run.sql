update outreach.runs
set
    finished_at = %(now)s,
    outcome = %(outcome)s,
    summary = %(summary)s
where run_id = %(run_id)s
