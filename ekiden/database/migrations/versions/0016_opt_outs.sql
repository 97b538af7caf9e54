-- Who does not want to be written to, and by what. An opt-out is never deleted: a person withdraws it when the customer
-- has opted in again, and says why. No setting is above one (C-09), and none is above the suppression list either.

create table outreach.opt_outs (
    opt_out_id bigint generated always as identity primary key,
    -- a customer: whatever address; an address: whichever customer has it; both: either of them
    customer_id text,
    address text check (address = lower(address)),
    -- null: by whatever channel
    channel text check (channel in ('mail', 'line', 'sms', 'web_push', 'dm', 'outbound_call')),
    -- null: of whatever site
    site text check (site <> ''),
    -- how it reached us: one_click, page, command, sendgrid, ...
    source text not null check (source <> ''),
    reason text,
    recorded_by text,
    -- the message whose link was followed
    message_id uuid,
    opted_out_at timestamptz not null,
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdraw_reason text,
    check (customer_id is not null or address is not null),
    check ((withdrawn_at is null) = (withdrawn_by is null) and (withdrawn_at is null) = (withdraw_reason is null))
);

comment on table outreach.opt_outs is
'Who asked not to be written to: by every channel or one, of every site or one. Open while withdrawn_at is null.';

-- told twice is told once
create unique index one_open_opt_out on outreach.opt_outs (customer_id, address, channel, site) nulls not distinct
where withdrawn_at is null;
create index open_opt_outs_by_address on outreach.opt_outs (address) where withdrawn_at is null;
create index opt_outs_by_customer on outreach.opt_outs (customer_id);
create index opt_outs_by_address on outreach.opt_outs (address);

create function outreach.refuse_changed_opt_outs() returns trigger
language plpgsql as $$
begin
    if tg_op = 'DELETE'
        or old.withdrawn_at is not null
        or to_jsonb(old) - array['withdrawn_at', 'withdrawn_by', 'withdraw_reason']
        <> to_jsonb(new) - array['withdrawn_at', 'withdrawn_by', 'withdraw_reason']
    then
        raise exception 'an opt-out is only ever withdrawn, and only once'
        using errcode = 'check_violation', hint = 'record a new one: ekiden opt-out add';
    end if;
    return new;
end;
$$;

create trigger refuse_changes before update or delete on outreach.opt_outs
for each row execute function outreach.refuse_changed_opt_outs();

insert into outreach.decision_rules (rule_no, rule, rule_in_words, rule_ja) values
(745, 'opted_out', 'the customer had opted out of such messages', '配信停止の申し出');

-- the unique one is of entries without a customer only
create index suppressions_by_address on outreach.suppression_list (address) where address is not null;

-- What stood against a message, or would have had it been another: entries of the suppression list and opt-outs, as
-- they were read at consent_read_at. Of an attempt, null: both were read, and there was none; a message says {} then.
alter table outreach.attempts add column consent_evidence jsonb;
alter table outreach.messages add column consent_evidence jsonb;

-- Since when unsubscribe links are signed: only of messages claimed before, the bare message id is taken as well.
create table outreach.signed_links (
    signed_since timestamptz not null
);

insert into outreach.signed_links (signed_since) values (now());

-- How far each list of a provider was read; the next reading begins a little before.
create table outreach.suppression_syncs (
    list_name text primary key,
    read_until timestamptz not null,
    entries integer not null,
    added integer not null,
    synced_at timestamptz not null
);
