-- Senders' claims carry a lease, and every message says since when it was due.

-- One row for each sender there ever was. A sender that was killed is known by its advisory lock, at once; one that is
-- stuck or cannot be reached, while the server still believes in its session, by its lease. All times are the server's.
create table outreach.dispatchers (
    number integer primary key,
    run_id uuid references outreach.runs,
    host text not null,
    process_id integer not null,
    started_at timestamptz not null,
    lease_until timestamptz not null,
    ended_at timestamptz
);

comment on column outreach.dispatchers.number is
'what claimed_by refers to; the number of the advisory lock as well';

-- senders that were at work when this table was made have no lease: theirs is their lock alone
insert into outreach.dispatchers (number, host, process_id, started_at, lease_until)
select
    claimed_by,
    'not recorded',
    0,
    min(claimed_at),
    'infinity'
from outreach.attempts
where finished_at is null or outcome = 'unknown'
group by claimed_by;

alter function outreach.dispatcher_is_alive rename to dispatcher_has_a_session;

create function outreach.dispatcher_is_alive(dispatcher integer) returns boolean
language sql stable as $$
    select
        outreach.dispatcher_has_a_session(dispatcher)
        and not exists (
            select
            from outreach.dispatchers
            where dispatchers.number = dispatcher and dispatchers.lease_until <= now()
        )
$$;

-- whom a look for lost claims asks after: the unfinished have an index already
create index unknown_attempts on outreach.attempts (claimed_by) where outcome = 'unknown';

-- when the row's time came, as it stood at this claim: a try that failed moves the row's own send_at
alter table outreach.attempts add column due_at timestamptz;

-- the row's first due time since it was last released; null in messages older than this column
alter table outreach.messages add column due_at timestamptz;

comment on column outreach.messages.due_at is
'when its time came first, since its last release if it had one; sent_at minus this is the latency';
