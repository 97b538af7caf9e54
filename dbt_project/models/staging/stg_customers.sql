select
    customer_id,

    -- identity
    family_name,
    given_name,
    email,
    email_2,
    phone,
    line_user_id,
    mail_format,
    postal_code,
    address,
    gender,
    birth_date,
    member_rank,
    access_url as site,
    custom_fields,

    -- consent
    newsletter_status,
    duplicate_status,

    -- dates
    registered_at,
    {{ local_date('registered_at') }} as registered_on,
    last_login_at
from {{ source('raw', 'customers') }}
