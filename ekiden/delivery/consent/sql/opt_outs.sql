-- The columns are those of `OptOut`.
select {columns}
from outreach.opt_outs
where ({withdrawn} or withdrawn_at is null) and {condition}
order by opt_out_id desc
limit {most}
