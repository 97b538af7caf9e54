-- A row that is sent stays so, hence one at most.
select
    settled_by,
    settled_at,
    reason
from outreach.settlements
where message_id = %(message_id)s and settled_as = 'sent'
