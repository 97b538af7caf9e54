-- Of new events those that forbid writing to an address, and why. A block forbids nothing, and whoever comes back to a
-- group has not thereby consented.
select
    address,
    customer_id,
    happened_at,
    case kind
        when 'unsubscribe' then 'unsubscribed'
        when 'spamreport' then 'complained'
        when 'bounce' then 'bounced'
        when 'dropped' then
            -- the provider's own list has the address, so ours should
            case lower(about)
                when 'unsubscribed address' then 'unsubscribed'
                when 'spam reporting address' then 'complained'
                when 'bounced address' then 'bounced'
                when 'invalid' then 'invalid_address'
            end
    end as reason
from outreach.delivery_events
where delivery_event_id = any(%(events)s)
