select read_until
from outreach.suppression_syncs
where list_name = %(list_name)s
