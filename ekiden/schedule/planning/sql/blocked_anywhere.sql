-- The enrolments by which a person blocked a customer, in any scenario, where a block counts everywhere (T13).
select
from outreach.enrolments as elsewhere
where
    %(blocks_everywhere)s
    and elsewhere.customer_id = {customer_id}
    and elsewhere.exit_reason = 'blocked'
    and elsewhere.state <> 'removed'
