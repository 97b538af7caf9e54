-- Where a customer can be reached, as the shop has it now.
select
    email,
    email_2,
    phone,
    line_user_id
from staging.stg_customers
where customer_id = %(customer_id)s
