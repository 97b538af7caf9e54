"""How a deployment sends, whatever it sends by: batches, tries, patience and workers.

Does not belong here: what only one channel needs (`mail`, `other_channels`).
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SecretStr

from ekiden.settings.values import Duration, HasUnit


class SendingSettings(BaseModel):
    """Sending."""

    max_lateness: Duration = timedelta(hours=6)
    """A ready row later than this is held instead of sent, unless it was released (transition T5).

    For scenarios without a `max_lateness` of their own."""

    claim_batch_size: int = Field(1000, ge=1, le=1000)
    """Rows claimed, checked, posted and recorded together; a provider's request holds at most 1,000."""

    max_attempts: int = Field(5, ge=1)
    """Tries of one message that surely did not leave; then the row stays `failed` for an operator. Fewer than its rows
    in `outreach.attempts` where a provider wanted to be left alone: that costs no try."""

    retry_after: Duration = timedelta(minutes=5)
    """Wait before the next try, times the number of tries made: five tries outlast most of an hour."""

    unknown_after: Duration = timedelta(hours=26)
    """A message of unknown outcome is shown to a person from then on. SendGrid delivers an event for up to 24 hours
    (its event webhook's page, "retries"); two more are for what comes late on our side."""

    # PostgreSQL counts the patience that goes with it in milliseconds, and has 24.8 days of them
    dispatcher_lease: Annotated[timedelta, Field(ge=timedelta(seconds=1), le=timedelta(days=24)), HasUnit] = timedelta(
        minutes=5
    )
    """For how long a sender that gives no sign keeps what it claimed. Longer than the slowest batch: a channel begins
    none of its messages after a minute and has the last answer within three more; the rest is for a busy machine."""

    send_workers: int = Field(1, ge=1, le=64)
    """How many send workers share the queue in one run; with more than one, each is a process of its own."""

    senders_per_worker: int = Field(2, ge=1, le=8)
    """Senders of one worker at once where 5,000 rows or more of a channel are due as it begins: while the database
    records one's messages, the process makes another's."""

    send_executor: Literal["in_process", "multiprocess", "celery"] | None = None
    """Where send workers run; unset: in the run's process if there is one, else in processes of the same machine."""

    celery_broker: SecretStr | None = None
    """`redis://…` or `amqp://…`, by which Celery hands work to the send workers of other machines."""
