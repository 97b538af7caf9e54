insert into outreach.exported_files (
    run_id, list_run_id, file_name, format, byte_order_mark, verbatim, scenario_code, channel, row_count, neutralised,
    byte_count, sha256, written_at
) values (
    %(run_id)s,
    %(list_run_id)s,
    %(file_name)s,
    %(format)s,
    %(byte_order_mark)s,
    %(verbatim)s,
    %(scenario)s,
    %(channel)s,
    %(row_count)s,
    %(neutralised)s,
    %(byte_count)s,
    %(sha256)s,
    %(now)s
)
