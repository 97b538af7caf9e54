create temporary table due_lists (schedule_row_id bigint primary key, scenario_id bigint) on commit drop
