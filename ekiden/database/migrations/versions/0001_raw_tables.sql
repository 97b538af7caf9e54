-- The raw contract's tables. ekiden/raw/contract.py says what each column means; a test holds the two together.
--
-- No foreign keys: `ekiden load` checks every reference in sets before it writes, and a trigger for each of
-- millions of order lines would cost more than the load itself.

create schema if not exists raw;

create table raw.customers (
    customer_id text primary key,
    registered_at timestamptz not null,
    family_name text,
    given_name text,
    email text,
    email_2 text,
    phone text,
    postal_code text,
    address text,
    gender text check (gender in ('male', 'female')),
    birth_date date,
    newsletter_status text not null default 'both'
    check (newsletter_status in ('both', 'pc', 'mobile', 'none')),
    duplicate_status text not null default 'confirmed'
    check (duplicate_status in ('confirmed', 'unconfirmed', 'on_hold')),
    access_url text,
    member_rank text,
    last_login_at timestamptz,
    custom_fields jsonb check (jsonb_typeof(custom_fields) = 'object'),
    loaded_at timestamptz not null default now()
);

create table raw.products (
    product_id text primary key,
    product_name text not null,
    price numeric check (price >= 0),
    url text,
    image_url text,
    loaded_at timestamptz not null default now()
);

create table raw.categories (
    category_code text primary key,
    category_name text not null,
    parent_code text,
    loaded_at timestamptz not null default now()
);

create table raw.product_categories (
    product_id text not null,
    category_code text not null,
    loaded_at timestamptz not null default now(),
    primary key (product_id, category_code)
);

create index product_categories_by_category on raw.product_categories (category_code);

create table raw.orders (
    order_id text primary key,
    customer_id text not null,
    ordered_at timestamptz not null,
    status text not null default 'new',
    cancelled_at timestamptz,
    kind text not null default 'one_off' check (kind in ('one_off', 'subscription')),
    continuation_no integer check (continuation_no >= 1),
    payment_method text,
    authorised_on date,
    paid_on date,
    shipped_on date,
    desired_delivery_on date,
    access_url text,
    amount numeric,
    loaded_at timestamptz not null default now()
);

-- one customer's live facts are read at every claim
create index orders_by_customer on raw.orders (customer_id);

create table raw.order_lines (
    order_id text not null,
    line_no integer not null,
    product_id text not null,
    quantity numeric not null check (quantity > 0),
    amount numeric,
    loaded_at timestamptz not null default now(),
    primary key (order_id, line_no)
);

create table raw.payment_methods (
    payment_method text primary key,
    method_type text check (method_type in ('other', 'coupon', 'points')),
    paid_display text check (paid_display in ('show', 'hide')),
    loaded_at timestamptz not null default now()
);

create table raw.subscriptions (
    subscription_id text primary key,
    customer_id text not null,
    product_id text,
    started_at timestamptz not null,
    cancelled_at timestamptz,
    cancel_reason text,
    loaded_at timestamptz not null default now()
);

create index subscriptions_by_customer on raw.subscriptions (customer_id);

create table raw.customer_events (
    event_id text primary key,
    customer_id text not null,
    event_type text not null,
    event_at timestamptz not null,
    product_id text,
    details jsonb check (jsonb_typeof(details) = 'object'),
    loaded_at timestamptz not null default now()
);

create index customer_events_by_customer on raw.customer_events (customer_id);

create table raw.customer_tags (
    customer_id text not null,
    tag text not null,
    granted_at timestamptz not null,
    loaded_at timestamptz not null default now(),
    primary key (customer_id, tag)
);

create table raw.list_members (
    list_code text not null,
    customer_id text not null,
    added_at timestamptz not null,
    loaded_at timestamptz not null default now(),
    primary key (list_code, customer_id)
);

create index list_members_by_customer on raw.list_members (customer_id);
