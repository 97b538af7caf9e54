"""The ground of the proofs: five scenarios with tables of the contract's shape, quickly emptied, and words for facts.

A fact is true at once in a scenario's live table; its built table knows it after the next build. Both are emptied
between examples and never dropped, because that is a hundred times faster.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from ekiden.database.connection import connect
from tests.integration.ledger_fixtures import KEPT_TABLES, Shop
from tests.ledger.interruptions import BrittleCursor, Fuse, end_session

BEGINNING = datetime(2024, 3, 8, 21, 0, tzinfo=UTC)  # Saturday the 9th, 06:00 in Tokyo
CUSTOMERS = ("C1", "C2", "C3", "C4")
EXCLUSIVE = ("first", "second")
MODELS = (*EXCLUSIVE, "plain", "again", "cards")
UNFOLLOWED = ("second",)
"""A model whose table nobody follows, as of a table written by hand: it is swept whole each time."""

# a build brings the table in step with the live one, and touches nothing else
BUILD = """
delete from {table} as built
where not exists (select from {live} as live where live.* is not distinct from built.*);
insert into {table} select * from {live} except select * from {table};
"""


@dataclass
class Ground:
    """A shop whose connection may end at any statement; `control` sees what is committed, and survives."""

    shop: Shop
    control: psycopg.Connection[Any]

    def connect(self) -> None:
        """Open the connection that everything is done on."""
        connection = connect(self.shop.settings, autocommit=True)
        connection.execute("set jit = off")
        connection.cursor_factory = BrittleCursor
        self.shop.connection = connection

    def arm(self, fuse: Fuse | None) -> None:
        connection: Any = self.shop.connection
        connection.fuse, connection.control = fuse, self.control

    def mend(self) -> None:
        """Take the fuse out, and connect anew if the connection has ended."""
        self.arm(None)
        if self.shop.connection.closed:
            self.connect()

    def end_session(self) -> None:
        end_session(self.shop.connection, self.control)

    def empty(self) -> None:
        """Forget everything but the scenarios' tables, as if nothing had ever happened."""
        names = self.control.execute(
            "select format('%%I.%%I', schemaname, tablename) from pg_tables"
            " where tablename <> all(%s) and schemaname in ('raw', 'outreach', 'eligibility', 'changed')",
            [[*KEPT_TABLES, "followed_tables"]],
        ).fetchall()
        forgotten = " ".join(f"delete from {name};" for (name,) in names)  # noqa: S608 - the catalogue's names
        # the ledger forgets nothing by itself
        self.control.execute(
            f"set session_replication_role = replica; {forgotten} set session_replication_role = origin".encode()
        )
        self.shop.now = BEGINNING

    def make_tables(self) -> None:
        """Make every model's tables, and have those of some followed."""
        for model in MODELS:
            self.shop.scenario(model)
        for model in UNFOLLOWED:
            self.shop.execute(
                "delete from changed.followed_tables where table_oid = %s::regclass", f"eligibility.{model}"
            )

    # --- facts

    def order(self, customer_id: str, model: str, day: date, *, built: bool) -> None:
        """Give a customer an anchor, also in the built table or in the live one alone."""
        at = datetime.combine(day, datetime.min.time(), self.shop.settings.zone) + timedelta(hours=10)
        self._live(
            model,
            "insert into {live} select %(customer)s, 'ordered', %(key)s, %(at)s, %(day)s,"
            " tstzmultirange(tstzrange(%(at)s, null)), '{{}}'"
            " where not exists (select from {live} where customer_id = %(customer)s and anchor_key = %(key)s)",
            customer=customer_id,
            key=f"O-{customer_id}-{day}",
            at=at,
            day=day,
        )
        if built:
            self.build(model)

    def forget_orders(self, customer_id: str, model: str) -> None:
        """Let a customer's anchors never have been: cancelled orders, two records that turn out to be one."""
        self._live(model, "delete from {live} where customer_id = %(customer)s", customer=customer_id)

    def turn(self, column: str, customer_id: str, model: str, begins: datetime | None, ends: datetime | None) -> None:
        """Let entry or stop conditions hold between two instants; both None: never. No entry is before its anchor."""
        held = "{}" if begins is None else f"{{[{begins.isoformat()},{ends.isoformat() if ends else ''})}}"
        since = " * tstzmultirange(tstzrange(anchor_at, null))" if column == "entry_during" else ""
        self._live(
            model,
            f"update {{live}} set {column} = %(held)s::tstzmultirange{since} where customer_id = %(customer)s",  # noqa: S608
            customer=customer_id,
            held=held,
        )

    def build(self, model: str) -> None:
        """Let a scenario's table know everything that is true by now."""
        self._live(model, BUILD)

    def suppress(self, customer_id: str, *, by_address: bool) -> None:
        address = f"{customer_id.lower()}@shop.example"
        self.control.execute(
            "insert into outreach.suppression_list (customer_id, address, reason, source, suppressed_at)"
            " values (%s, %s, 'unsubscribed', 'test', %s) on conflict do nothing",
            (None, address, self.shop.now) if by_address else (customer_id, None, self.shop.now),
        )

    def opt_out(self, customer_id: str, *, by_address: bool) -> None:
        address = f"{customer_id.lower()}@shop.example"
        self.control.execute(
            "insert into outreach.opt_outs (customer_id, address, channel, source, opted_out_at)"
            " values (%s, %s, 'mail', 'test', %s) on conflict do nothing",
            (None, address, self.shop.now) if by_address else (customer_id, None, self.shop.now),
        )

    def admit(self, customer_id: str) -> None:
        parties = (customer_id, f"{customer_id.lower()}@shop.example")
        self.control.execute("delete from outreach.suppression_list where customer_id = %s or address = %s", parties)
        self.control.execute(
            "update outreach.opt_outs set withdrawn_at = now(), withdrawn_by = 'test', withdraw_reason = 'test'"
            " where withdrawn_at is null and (customer_id = %s or address = %s)",
            parties,
        )

    def _live(self, model: str, statement: str, **values: Any) -> None:
        query = sql.SQL(statement).format(
            table=sql.Identifier("eligibility", model), live=sql.Identifier("eligibility", f"{model}_live")
        )
        if values:
            self.control.execute(query, values)
        else:
            self.control.execute(query)
