-- The mail format a customer asked for, and what the shop's administrator was told of each send run.

alter table raw.customers
add column mail_format text check (mail_format in ('text', 'html'));

comment on column raw.customers.mail_format is
'read when a message is composed; it decides nothing of who is due, so no build follows it';

-- What the administrator was told, written before the notice leaves: a crash loses a notice and never repeats one.
create table outreach.admin_notices (
    message_id uuid primary key default gen_random_uuid(),
    to_address text not null,
    channel_name text not null,
    noted_at timestamptz not null,
    -- empty: the process ended before it knew
    outcome text check (outcome in ('accepted', 'refused', 'not_sent', 'unknown')),
    detail text
);

create index admin_notices_by_time on outreach.admin_notices (noted_at);

-- the send runs that a notice is about; each is told once
create table outreach.admin_notice_runs (
    run_id uuid primary key references outreach.runs,
    message_id uuid not null references outreach.admin_notices
);

-- who is at work now, of all senders there ever were; not by the lease, which is renewed with every batch
create index dispatchers_at_work on outreach.dispatchers (number) where ended_at is null;

create index send_runs_by_time on outreach.runs (started_at) where kind = 'send';

-- what a run did is looked up at its end; transitions are written in the order of time, so a few numbers per block do
create index transitions_by_time on outreach.transitions using brin (transitioned_at) with (autosummarize = on);
