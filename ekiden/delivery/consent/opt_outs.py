"""Opt-outs: who does not want to be written to, by every channel or one, of every site or one.

Belongs here: recording, listing and withdrawing them. Does not belong here: reading them before a message goes
(`objections`), and the ways they reach us (`ekiden.webhook.unsubscribe`, `opt_out_file`, `suppressions`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import Connection, sql
from psycopg.rows import class_row

from ekiden.database.statements import all_hold, columns_of, statement
from ekiden.delivery.address.addresses import as_written, compared, telephone_digits
from ekiden.errors import SaysEnough
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.schedule.errors import ReasonMissing
from ekiden.schedule.runs import RunContext

ROWS_PER_STATEMENT = 10_000
"""Opt-outs recorded by one statement: some megabytes of a file of millions."""


class OptOutChannel(StrEnum):
    """The ways of writing that a customer can opt out of; mail is one, with text or HTML."""

    MAIL = "mail"
    LINE = "line"
    SMS = "sms"
    WEB_PUSH = "web_push"
    DM = "dm"
    OUTBOUND_CALL = "outbound_call"


class NobodyOptedOut(SaysEnough, ValueError):
    """An opt-out names neither a customer nor an address, or a withdrawal nothing to withdraw."""


@dataclass(frozen=True)
class NewOptOut:
    """What somebody asks; a customer and an address together mean either of them."""

    customer_id: str | None = None
    address: str | None = None
    channel: OptOutChannel | None = None
    """None: every channel."""
    site: str | None = None
    """None: every site."""
    opted_out_at: datetime | None = None
    """Aware; None: now, which is news whatever was withdrawn before."""
    reason: str | None = None
    message_id: UUID | None = None
    """The message whose link was followed."""

    def __post_init__(self) -> None:
        if not self.customer_id and not self.address:
            raise NobodyOptedOut("say who: a customer id, or an address")


@dataclass(frozen=True)
class OptOut:
    """One recorded opt-out; open while nobody has withdrawn it. Instants are aware."""

    opt_out_id: int
    customer_id: str | None
    address: str | None
    channel: str | None
    site: str | None
    source: str
    reason: str | None
    recorded_by: str | None
    message_id: UUID | None
    opted_out_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdraw_reason: str | None


@dataclass(frozen=True)
class OptOutFilter:
    """Which opt-outs are meant; every given field narrows."""

    customer_id: str | None = None
    address: str | None = None
    channel: OptOutChannel | None = None
    site: str | None = None
    opt_out_ids: tuple[int, ...] = ()

    def condition(self) -> sql.Composed:
        """Return the filter as an SQL condition over `outreach.opt_outs`."""
        # an older entry holds a telephone number as it was written; LINE ids and mail addresses have digits as well
        digits = telephone_digits(self.address) if self.address else None
        address = compared(self.address) if self.address and not digits else None
        return all_hold(
            (
                ("customer_id = {value}", self.customer_id),
                ("address = {value}", address),
                (
                    "address !~ '[a-z@]' and regexp_replace(normalize(address, nfkc), '[^0-9]', '', 'g') = {value}",
                    digits,
                ),
                ("channel = {value}", self.channel),
                ("site = {value}", self.site),
                ("opt_out_id = any({value}::bigint[])", list(self.opt_out_ids) or None),
            )
        )


def channel_of(step_channel: str) -> str:
    """Return what a customer would opt out of to get no steps of this channel."""
    return OptOutChannel.MAIL if step_channel in MAIL_CHANNELS else step_channel


def opt_out(
    connection: Connection[Any], asked: Iterable[NewOptOut], *, source: str, now: datetime, recorded_by: str | None
) -> int:
    """Record opt-outs in the caller's transaction, and return how many are new; one that is open already is kept.

    `source` says how they reached us; `recorded_by` who told us, None where that was the customer.
    """
    added, remaining = 0, iter(asked)
    while batch := list(islice(remaining, ROWS_PER_STATEMENT)):
        added += connection.execute(
            statement(__file__, "record_opt_outs"),
            {
                "customers": [each.customer_id or None for each in batch],
                "addresses": [compared(each.address) if each.address else None for each in batch],
                "as_written": [as_written(each.address) if each.address else None for each in batch],
                "channels": [each.channel for each in batch],
                "sites": [each.site or None for each in batch],
                "times": [each.opted_out_at for each in batch],
                "reasons": [each.reason or None for each in batch],
                "messages": [each.message_id for each in batch],
                "now": now,
                "source": source,
                "recorded_by": recorded_by,
            },
        ).rowcount
    return added


def is_customer(connection: Connection[Any], customer_id: str, *, raw_schema: str) -> bool:
    """Return whether the shop has a customer of this id; an opt-out of anybody else concerns nobody yet."""
    query = statement(__file__, "is_customer").format(
        customers=sql.Identifier(raw_schema, "customers"), customer_id=customer_id
    )
    row = connection.execute(query).fetchone()
    return row is not None and bool(row[0])


def withdraw(
    connection: Connection[Any], which: OptOutFilter, *, reason: str, now: datetime, context: RunContext
) -> list[OptOut]:
    """Withdraw the open opt-outs that are meant, and return them; for a person, when the customer has opted in again.

    `reason` says how. Entries of the suppression list stay. Raises `ReasonMissing`, `NobodyOptedOut` where nothing
    says which, and `ValueError` without an actor.
    """
    if not reason.strip():
        raise ReasonMissing("say how the customer has opted in again: whoever is asked for the consent will need it")
    if not context.actor.strip():
        raise ValueError("a withdrawal needs an actor: say who you are")
    if not (which.customer_id or which.address or which.opt_out_ids):
        raise NobodyOptedOut("say which opt-outs: by their id, a customer id, or an address")
    query = statement(__file__, "withdraw_opt_outs").format(
        columns=columns_of(OptOut),
        condition=which.condition(),
        now=now,
        actor=context.actor.strip(),
        reason=reason.strip(),
    )
    with connection.cursor(row_factory=class_row(OptOut)) as cursor:
        return cursor.execute(query).fetchall()


def find_opt_outs(
    connection: Connection[Any], which: OptOutFilter, *, limit: int, withdrawn: bool = False
) -> Sequence[OptOut]:
    """Return the opt-outs that are meant, the latest first; `withdrawn`: those withdrawn as well."""
    query = statement(__file__, "opt_outs").format(
        columns=columns_of(OptOut), condition=which.condition(), withdrawn=withdrawn, most=limit
    )
    with connection.cursor(row_factory=class_row(OptOut)) as cursor:
        return cursor.execute(query).fetchall()
