-- The columns are those of `OptOut`.
update outreach.opt_outs
set withdrawn_at = {now}, withdrawn_by = {actor}, withdraw_reason = {reason}
where withdrawn_at is null and {condition}
returning {columns}
