"""The world of a shop, as rules: orders, conditions, wishes, edits, and a clock that is also set back.

Belongs here: what happens outside the ledger and changes nothing in it by itself. Does not belong here: the ledger's
doors (`machine`).
"""

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.ledger.definitions import definitions
from tests.ledger.doors import customers, models
from tests.ledger.ground import CUSTOMERS, EXCLUSIVE, MODELS, Ground


class World(RuleBasedStateMachine):
    """A shop over some days of March 2024."""

    ground: Ground  # one for all examples: see `test_any_order`

    def __init__(self) -> None:
        super().__init__()
        self.ground.empty()
        self.ground.mend()
        self.shop = self.ground.shop
        for customer in CUSTOMERS:
            self.shop.customer(customer)

    @property
    def today(self) -> date:
        return self.shop.settings.local_date(self.shop.now)

    @initialize(drawn=st.fixed_dictionaries({model: definitions(model) for model in MODELS}))
    def open_the_shop(self, drawn: dict[str, dict[str, Any]]) -> None:
        for model, definition in drawn.items():
            self.shop.scenario(model, **definition | {"status": "enabled"})
            for ago, customer in enumerate(CUSTOMERS, start=1):
                self.ground.order(customer, model, self.today - timedelta(days=ago), built=True)

    @rule(customer=customers, model=models, ago=st.integers(-1, 6), built=st.booleans())
    def a_customer_orders(self, customer: str, model: str, ago: int, built: bool) -> None:
        self.ground.order(customer, model, self.today - timedelta(days=ago), built=built)

    @rule(customer=customers, model=models)
    def orders_turn_out_never_to_have_been(self, customer: str, model: str) -> None:
        self.ground.forget_orders(customer, model)

    @rule(
        column=st.sampled_from(["entry_during", "stop_during"]),
        customer=customers,
        model=models,
        begins=st.none() | st.integers(-30, 30),
        lasts=st.none() | st.integers(1, 48),
        built=st.booleans(),
    )
    def conditions_turn(
        self, column: str, customer: str, model: str, begins: int | None, lasts: int | None, built: bool
    ) -> None:
        since = None if begins is None else self.shop.now + timedelta(hours=begins)
        until = None if since is None or lasts is None else since + timedelta(hours=lasts)
        self.ground.turn(column, customer, model, since, until)
        if built:
            self.ground.build(model)

    @rule(built=st.sets(models, min_size=1))
    def tables_are_built(self, built: set[str]) -> None:
        for model in sorted(built):
            self.ground.build(model)

    @rule(customer=customers, by_address=st.booleans(), how=st.sampled_from(["suppressed", "opted out", "taken back"]))
    def a_customer_opts_out_or_is_taken_back(self, customer: str, by_address: bool, how: str) -> None:
        if how == "suppressed":
            self.ground.suppress(customer, by_address=by_address)
        elif how == "opted out":
            self.ground.opt_out(customer, by_address=by_address)
        else:
            self.ground.admit(customer)

    @rule(customer=customers, status=st.sampled_from(["both", "both", "pc", "mobile", "none"]))
    def a_customer_chooses_a_newsletter(self, customer: str, status: str) -> None:
        self.shop.change_customer(customer, newsletter_status=status)

    @rule(data=st.data(), model=models, live=st.sampled_from([True, True, False]))
    def a_scenario_is_edited(self, data: st.DataObject, model: str, live: bool) -> None:
        self.shop.scenario(model, live=live, **data.draw(definitions(model)))

    @rule(model=st.sampled_from([model for model in MODELS if model not in EXCLUSIVE]))
    def a_model_leaves_the_project(self, model: str) -> None:
        self.shop.execute("delete from eligibility.scenario_registry where model_name = %s", model)

    @rule(
        # mostly on, so that something happens; back by up to two days
        hours=st.sampled_from([0.05, 0.5, 3, 6, 6, 6.5, 12, 24, 24, 48, -0.5, -6, -30, -48]),
    )
    def time_passes_or_the_clock_is_set_back(self, hours: float) -> None:
        self.shop.now += timedelta(hours=hours)
