select
from outreach.guard_findings
where guard = %(guard)s and finding = %(finding)s
