update outreach.attempts
set consent_evidence = found.evidence
from unnest(%(rows)s::bigint[], %(evidence)s::jsonb[]) as found (schedule_row_id, evidence)
inner join outreach.schedule_rows as rows on found.schedule_row_id = rows.schedule_row_id
where attempts.schedule_row_id = found.schedule_row_id and attempts.attempt_no = rows.attempts
