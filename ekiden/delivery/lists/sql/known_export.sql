-- A run that exported, whose list it is, and how its file was written, where the ledger has a file of it.
select
    coalesce(files.list_run_id, runs.run_id) as list_run_id,
    files.format,
    files.byte_order_mark,
    files.verbatim,
    files.scenario_code,
    files.channel,
    files.sha256,
    files.row_count
from outreach.runs
left join outreach.exported_files as files on runs.run_id = files.run_id
where
    runs.run_id = %(run_id)s and runs.kind = 'export' and runs.outcome = 'succeeded'
    and exists (
        select
        from outreach.messages
        where
            messages.send_run_id = coalesce(files.list_run_id, runs.run_id) and messages.channel_name = 'export'
    )
