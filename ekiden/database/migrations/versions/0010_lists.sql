-- Lists: the files that direct mail and outbound calls were exported to, and the lists that were imported.

-- whoever exports a list takes the same last look as whoever sends, so T15 and its end of the enrolment are its too
insert into outreach.listed_transitions (subject, transition, from_state, to_state, actor_kind, exit_reason) values
('schedule_row', 'T15', 'ready', 'cancelled', 'exporter', ''),
('enrolment', 'E3', 'active', 'stopped', 'exporter', 'stop_condition');

-- Written in the transaction that marks the rows: a file that is not here, or whose run did not succeed, marks nobody.
create table outreach.exported_files (
    -- the run that wrote the file
    run_id uuid primary key references outreach.runs,
    -- the run that marked the people in it: another one where a list was written again
    list_run_id uuid not null references outreach.runs,
    file_name text not null unique,
    format text not null check (format in ('csv', 'parquet')),
    byte_order_mark boolean not null,
    verbatim boolean not null,
    -- what the export was narrowed to; empty: everything that was due
    scenario_code text,
    channel text,
    row_count bigint not null check (row_count > 0),
    -- cells that a spreadsheet would have taken for formulas
    neutralised bigint not null,
    byte_count bigint not null,
    sha256 text not null,
    written_at timestamptz not null
);

create index exported_files_by_list on outreach.exported_files (list_run_id);

create trigger refuse_rewriting before update or delete on outreach.exported_files
for each statement execute function outreach.refuse_rewriting();

-- the people of one export, without reading the messages of all the years
create index exported_messages_by_run on outreach.messages (send_run_id) where channel_name = 'export';

-- One row for each import of a list, also for one that found everybody on the list already.
create table outreach.imported_lists (
    imported_list_id bigint generated always as identity primary key,
    list_code text not null,
    file_name text not null,
    sha256 text not null,
    encoding text not null,
    rows_read bigint not null,
    added bigint not null,
    already_listed bigint not null,
    repeated bigint not null,
    left_out bigint not null,
    actor text not null check (actor <> ''),
    dagster_run_id text,
    imported_at timestamptz not null
);

create index imported_lists_by_code on outreach.imported_lists (list_code, imported_at);

create trigger refuse_rewriting before update or delete on outreach.imported_lists
for each statement execute function outreach.refuse_rewriting();
