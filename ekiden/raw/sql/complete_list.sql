-- What a list's file leaves out: the list is the one that was named, and its people come onto it now.
update pg_temp.staged_list_members
set list_code = %(list_code)s, added_at = coalesce(added_at, %(now)s)
