-- When a provider that asked us to wait may be asked again: every sender looks here before it claims, so that a rate
-- limit met by one is kept by all.

create table outreach.provider_waits (
    channel_name text primary key,
    wait_until timestamptz not null,
    reason text not null,
    noted_at timestamptz not null
);
