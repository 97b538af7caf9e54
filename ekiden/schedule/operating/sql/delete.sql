-- T16: never what was sent or is being sent, nor what has arrived, as the provider's events show, though the ledger has
-- it as not sent: whoever is left without rows may enter again, and would be sent the same a second time.
update outreach.schedule_rows as rows
set state = 'deleted', reason = %(reason)s, state_changed_at = %(now)s
from pg_temp.chosen_rows as chosen
where
    rows.schedule_row_id = chosen.schedule_row_id
    and rows.state in ('ready', 'held', 'completed', 'blocked', 'skipped', 'cancelled', 'failed')
    and not (
        rows.attempts > 0
        and exists (
            select
            from outreach.delivery_events as told
            -- whatever a provider tells of a message but a drop shows that it has it
            where told.message_id = rows.message_id and told.kind <> 'dropped'
        )
    )
