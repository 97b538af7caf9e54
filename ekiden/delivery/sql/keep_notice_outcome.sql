update outreach.admin_notices
set outcome = %(outcome)s, detail = %(detail)s
where message_id = %(message_id)s
