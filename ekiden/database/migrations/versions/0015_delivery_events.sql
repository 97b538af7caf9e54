-- What providers tell after a message was accepted: requests as they came, and the events in them, one row each.

create table outreach.webhook_requests (
    request_id bigint generated always as identity primary key,
    provider text not null,
    -- the same bytes again, under whatever signature, say nothing new
    body_sha256 bytea not null,
    -- null once forgotten: it holds addresses and devices (docs/webhook.md)
    body bytea,
    signed_at timestamptz not null,
    received_at timestamptz not null,
    -- how often the same body came again
    repeats integer not null default 0,
    drained_at timestamptz,
    events integer,
    unreadable_events integer,
    -- why nothing can be read in an authentic body
    fault text,
    unique (provider, body_sha256)
);

create index undrained_requests on outreach.webhook_requests (request_id) where drained_at is null;
create index kept_bodies on outreach.webhook_requests (received_at) where body is not null;

-- Requests that were turned away, counted by UTC day: whoever sent them, nothing of them is kept.
create table outreach.webhook_refusals (
    provider text not null,
    refused_on date not null,
    reason text not null,
    requests bigint not null,
    last_refused_at timestamptz not null,
    primary key (provider, refused_on, reason)
);

create table outreach.delivery_events (
    delivery_event_id bigint generated always as identity primary key,
    -- of the natural key: message, kind, time, and what it is about; whatever ids a redelivery has, the fact is one
    event_key bytea not null unique,
    provider text not null,
    -- ours, as the event says; without a customer it is none of this ledger's
    message_id uuid,
    customer_id text,
    -- the provider's word, with bounces told apart: bounce (for good) and blocked (for now)
    kind text not null,
    happened_at timestamptz not null,
    -- the link of a click, the reason of a bounce, block, drop or deferral, the new state of the account
    about text,
    -- in lower case
    address text,
    -- an open by a machine that fetches images before anybody has read the message
    is_machine boolean not null,
    group_id text,
    smtp_status text,
    provider_message_id text,
    -- every id under which it was told
    provider_event_ids text[] not null,
    received_at timestamptz not null
);

create index delivery_events_by_message on outreach.delivery_events (message_id) where message_id is not null;
create index delivery_events_by_customer on outreach.delivery_events (customer_id) where customer_id is not null;

-- few, and looked for with every drain
create index unknown_outcomes on outreach.attempts (schedule_row_id) where outcome = 'unknown';

-- Opens and clicks are facts that scenarios read, so builds must hear of them, as of the shop's own tables.
do $$
declare
    readers constant text :=
        'select customer_id from changed_rows'
        ' where customer_id is not null and kind in (''open'', ''click'') and not is_machine';
begin
    execute format(
        'create trigger note_inserted_customers after insert on outreach.delivery_events'
        ' referencing new table as new_rows'
        ' for each statement execute function raw.note_changed_customers(%1$L);'
        'create trigger note_updated_customers after update on outreach.delivery_events'
        ' referencing old table as old_rows new table as new_rows'
        ' for each statement execute function raw.note_changed_customers(%1$L);'
        'create trigger note_deleted_customers after delete on outreach.delivery_events'
        ' referencing old table as old_rows'
        ' for each statement execute function raw.note_changed_customers(%1$L);'
        'create trigger note_truncation after truncate on outreach.delivery_events'
        ' for each statement execute function raw.note_changed_customers(%1$L);',
        readers
    );
end
$$;
