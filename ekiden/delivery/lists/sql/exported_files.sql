-- The files of exports, the latest first, with who pressed the button.
select
    files.written_at,
    runs.actor,
    files.file_name,
    files.row_count,
    files.scenario_code,
    files.channel,
    files.sha256,
    files.run_id,
    files.list_run_id,
    files.list_run_id <> files.run_id as is_copy
from outreach.exported_files as files
inner join outreach.runs on files.run_id = runs.run_id
order by files.written_at desc, files.file_name asc
limit %(limit)s
