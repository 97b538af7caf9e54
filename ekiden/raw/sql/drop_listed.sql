-- Who is on the list already stays on it since then: importing a list again moves nobody's anchor.
delete from pg_temp.staged_list_members as staged
using raw.list_members as listed
where listed.list_code = %(list_code)s and staged.customer_id = listed.customer_id
