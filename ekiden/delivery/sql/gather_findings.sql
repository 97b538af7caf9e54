-- Everything a guard's query finds: it may read the whole ledger, so it is asked before anybody has to wait.
create temporary table findings on commit drop as
select to_jsonb(offender)::text as finding
from ({query}) as offender
