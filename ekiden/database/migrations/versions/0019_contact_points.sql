-- Where customers are reached besides mail and telephone. Nothing of it decides who is due, so no build follows it.

alter table raw.customers
add column line_user_id text;

create table raw.web_push_subscriptions (
    endpoint text primary key,
    customer_id text not null,
    p256dh text not null,
    auth text not null,
    subscribed_at timestamptz not null,
    ended_at timestamptz,
    loaded_at timestamptz not null default now()
);

-- the send asks for one customer's newest
create index web_push_subscriptions_by_customer on raw.web_push_subscriptions (customer_id, subscribed_at);
