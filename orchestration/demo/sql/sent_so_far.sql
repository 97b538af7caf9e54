-- How many messages there are, and of how many rows.
select
    count(*) as messages,
    count(distinct schedule_row_id) as rows
from outreach.messages
