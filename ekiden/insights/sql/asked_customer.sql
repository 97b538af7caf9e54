select duplicate_status
from staging.stg_customers
where customer_id = %(customer_id)s
