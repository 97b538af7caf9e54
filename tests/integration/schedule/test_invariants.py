"""Whatever happens in whatever order, the ledger's invariants hold."""

from datetime import timedelta
from random import Random

import pytest
from psycopg import sql

from ekiden.delivery.channels import ProviderStopped
from ekiden.delivery.channels.base import Delivery, Outcome
from ekiden.delivery.lists.export import export_due
from tests.integration.ledger_fixtures import OPERATOR, STEP, Shop
from tests.integration.ledger_invariants import broken_invariants

CUSTOMERS = [f"C{number}" for number in range(8)]
ACTIONS = ("release", "hold", "complete", "block", "retry", "reopen", "delete")


MODELS = ("follow_up", "rival")


class Weeks:
    """Some weeks in the life of a shop with two scenarios, in which anything may happen at any time."""

    def __init__(self, shop: Shop, random: Random) -> None:
        self.shop = shop
        self.random = random
        self.definitions = {model: self.definition() for model in MODELS}
        exclusive = random.random() < 0.7
        for model, definition in self.definitions.items():
            definition["multi_delivery"] = not exclusive
            shop.scenario(model, **definition)
        for customer in CUSTOMERS:
            shop.customer(customer)
            for model in MODELS:
                self.order(customer, model)

    def definition(self) -> dict[str, object]:
        random = self.random
        return {
            "steps": [
                STEP | {"offset_days": random.randint(0, 3), "channel": random.choice(["html_email", "dm"])}
                for _ in range(random.randint(1, 4))
            ],
            "reentry": random.choice(["never", "after_exit", "per_anchor"]),
            "on_retrigger": random.choice(["ignore", "restart"]),
            "priority": random.choice([1, 2, None]),
            "reevaluate_on_update": random.random() < 0.5,
            "enrol_at": random.choice(["anchor", "first_step_due"]),
            "offset_basis": random.choice(["anchor", "previous_step"]),
            "past_date_policy": random.choice(["hold", "hold", "skip", "send_now"]),
            "past_time_today": random.choice(["send_now", "hold"]),
            "on_skip": random.choice(["end", "continue"]),
        }

    def happen(self) -> str:
        """Let one thing happen and return what it was."""
        event = self.random.choice(
            [self.plan, self.plan, self.send, self.send, self.send, self.operate, self.operate, self.order, self.order,
             self.stop, self.consent, self.provider, self.edit, self.export]
        )  # fmt: skip
        self.shop.now += timedelta(minutes=self.random.choice([1, 30, 180, 600, 1500]))
        event()
        return event.__name__

    def plan(self) -> None:
        today = self.shop.now.astimezone(self.shop.settings.zone).date()
        first = today - timedelta(days=self.random.choice([0, 0, 0, 1, 5, -1]))
        self.shop.plan(first.isoformat())

    def send(self) -> None:
        try:
            self.shop.send()
        except ProviderStopped:
            self.shop.channel.line_is_stopped = False

    def operate(self) -> None:
        customer = self.random.choice([*CUSTOMERS, None])
        self.shop.operate(self.random.choice(ACTIONS), reason="because", customer=customer)

    def order(self, customer: str | None = None, model: str | None = None) -> None:
        today = self.shop.now.astimezone(self.shop.settings.zone).date()
        self.shop.eligible(
            customer or self.random.choice(CUSTOMERS),
            today - timedelta(days=self.random.choice([-2, -1, 0, 1, 2, 9])),
            key=f"O{self.random.random()}",
            model=model or self.random.choice(MODELS),
        )

    def stop(self) -> None:
        self.shop.stop(
            self.random.choice(CUSTOMERS),
            since=self.shop.now,
            live_only=self.random.random() < 0.5,
            model=self.random.choice(MODELS),
        )

    def consent(self) -> None:
        status = self.random.choice(["both", "both", "none"])
        self.shop.change_customer(self.random.choice(CUSTOMERS), newsletter_status=status)

    def provider(self) -> None:
        channel = self.shop.channel
        channel.answers = {
            f"{customer.lower()}@shop.example": self.random.choice(list(Outcome)) for customer in CUSTOMERS[::2]
        }
        channel.line_is_stopped = self.random.random() < 0.2
        outcome = self.random.choice([*Outcome, None])
        channel.found = outcome and {
            row.message_id: Delivery(row.message_id, outcome) for row in self.shop.rows(state="sending")
        }

    def edit(self) -> None:
        model = self.random.choice(MODELS)
        definition = self.definitions[model]
        steps = [
            step | {"state": self.random.choice(["enabled"] * 5 + ["force_stopped"])} for step in definition["steps"]
        ]
        changes = {
            "steps": steps[: self.random.randint(1, len(steps))],
            "status": self.random.choice(["enabled", "enabled", "disabled"]),
            "disable_mode": self.random.choice(["freeze", "drain"]),
            "priority": self.random.choice([1, 2, None]),
        }
        self.shop.scenario(model, **definition | changes)
        # some no longer fit the edited conditions
        customer = self.random.choice(CUSTOMERS)
        table = sql.Identifier("eligibility", model)
        query = sql.SQL("update {} set entry_during = '{{}}' where customer_id = %s")
        self.shop.connection.execute(query.format(table), (customer,))

    def export(self) -> None:
        export_due(self.shop.connection, now=self.shop.now, settings=self.shop.settings, context=OPERATOR)


@pytest.mark.parametrize("seed", range(8))
def test_the_invariants_hold_whatever_happens(shop: Shop, seed: int):
    weeks = Weeks(shop, Random(seed))
    sent: set[tuple[object, ...]] = set()
    happened = []
    for _ in range(40):
        happened.append(weeks.happen())
        assert broken_invariants(shop.connection) == {}, happened
        # what is sent stays as it was sent
        now_sent = set(shop.execute("select message_id, schedule_row_id, sent_at, to_address from outreach.messages"))
        assert sent <= now_sent, happened
        sent = now_sent
    accepted = [
        message.message_id
        for message in shop.channel.messages
        if shop.channel.answers.get(message.to_address) is None and message.to_address[1] in "1357"
    ]
    # customers with an odd number are always accepted: nothing of theirs goes out twice
    assert len(accepted) == len(set(accepted))
