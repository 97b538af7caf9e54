insert into outreach.suppression_syncs (list_name, read_until, entries, added, synced_at)
values (%(list_name)s, %(now)s, %(entries)s, %(added)s, %(now)s)
on conflict (list_name) do update
    set
        read_until = excluded.read_until,
        entries = excluded.entries,
        added = excluded.added,
        synced_at = excluded.synced_at
