update outreach.opt_outs
set withdrawn_at = %(now)s, withdrawn_by = %(actor)s, withdraw_reason = %(reason)s
where
    withdrawn_at is null
    and (%(customer_id)s::text is null or customer_id = %(customer_id)s)
    and (%(address)s::text is null or address = %(address)s)
    and (%(channel)s::text is null or channel = %(channel)s)
    and (%(site)s::text is null or site = %(site)s)
    and (%(opt_out_ids)s::bigint[] = '{}' or opt_out_id = any(%(opt_out_ids)s))
returning
    opt_out_id,
    customer_id,
    address,
    channel,
    site,
    source,
    reason,
    recorded_by,
    message_id,
    opted_out_at,
    withdrawn_at,
    withdrawn_by,
    withdraw_reason
