insert into outreach.imported_lists (
    list_code, file_name, sha256, encoding, rows_read, added, already_listed, repeated, left_out, actor,
    dagster_run_id, imported_at
) values (
    %(list_code)s,
    %(file_name)s,
    %(sha256)s,
    %(encoding)s,
    %(rows_read)s,
    %(added)s,
    %(already_listed)s,
    %(repeated)s,
    %(left_out)s,
    %(actor)s,
    %(dagster_run_id)s,
    %(now)s
)
