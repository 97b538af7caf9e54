select exists(select from {customers} where customer_id = {customer_id})
