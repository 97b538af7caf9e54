-- Where a customer can be reached, as the shop has it now, and where messages to them went.
select
    email,
    email_2,
    phone,
    line_user_id
from staging.stg_customers
where customer_id = %(customer_id)s
union all
select distinct
    to_address,
    null::text as email_2,
    null::text as phone,
    null::text as line_user_id
from outreach.messages
where customer_id = %(customer_id)s
