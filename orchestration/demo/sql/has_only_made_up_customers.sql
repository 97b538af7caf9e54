-- Whether there are customers and no address of any leads anywhere.
select
    exists (select from raw.customers where email like %(made_up)s)
    and not exists (
        select from raw.customers
        where email not like %(made_up)s or email_2 not like %(made_up)s
    ) as has_only_made_up_customers
