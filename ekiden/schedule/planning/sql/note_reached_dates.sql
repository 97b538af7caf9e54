-- The anchor dates that this sweep reaches, which the next one takes for its last.
update pg_temp.sweeping
set
    anchored_from = %(anchored_from)s,
    anchored_to = %(anchored_to)s
where scenario_id = %(scenario_id)s
