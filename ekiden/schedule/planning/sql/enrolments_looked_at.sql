-- Of the customers for whom something can have become new.
select enrolments.*
from pg_temp.looked_at
inner join outreach.enrolments
    on looked_at.scenario_id = enrolments.scenario_id and looked_at.customer_id = enrolments.customer_id
