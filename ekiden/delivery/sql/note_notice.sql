-- Noted before it leaves, with the runs that it is about.
with notice as (
    insert into outreach.admin_notices (to_address, channel_name, noted_at)
    values (%(address)s, %(channel_name)s, %(now)s)
    returning message_id
),

runs as (
    insert into outreach.admin_notice_runs (run_id, message_id)
    select
        unnest(%(runs)s::uuid[]) as run_id,
        notice.message_id
    from notice
)

select message_id from notice
