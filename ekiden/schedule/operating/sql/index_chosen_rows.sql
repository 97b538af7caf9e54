-- With a hundred thousand rows and none known of a small table beside them, a planner without these would compare each
-- row with each.
create unique index on pg_temp.chosen_rows (schedule_row_id);
create index on pg_temp.chosen_rows (enrolment_id);
analyze pg_temp.chosen_rows
