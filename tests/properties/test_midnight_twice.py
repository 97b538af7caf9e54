"""Where clocks show midnight twice, in autumn on the Azores and in Havana: the hour between the two.

Belongs here: what falls into that hour. Does not belong here: days of every other length (`test_eligibility`).
"""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.conftest import database_in, drop_database
from tests.properties import words
from tests.properties.database import RowKey, Scratch
from tests.properties.history import Customer, History, Order
from tests.properties.macros import RenderedProject

BETWEEN_THE_TWO = datetime(2026, 11, 1, 4, 59, 59, 999_999, tzinfo=UTC)
"""In Havana of 1 November, whose second midnight comes a microsecond later."""


@pytest.fixture
def havana(server_url: str, template_database: str) -> Iterator[Scratch]:
    name = f"ekiden_havana_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'create database "{name}" template "{template_database}"')
    environment = {"EKIDEN_TIME_ZONE": "America/Havana"}
    project = RenderedProject(name, environment, segments=words.SEGMENTS)
    with psycopg.connect(database_in(server_url, name)) as connection:
        yield Scratch(connection, project, words.SHOP)
    drop_database(server_url, name)


@pytest.mark.parametrize("bounds", [{"from": 0, "to": 30}, {"to": 30}])
def test_an_order_between_two_midnights_was_made_no_days_ago(havana: Scratch, bounds: dict[str, int]) -> None:
    member: dict[str, Any] = {"type": "member", "member": {"last_ordered_days_ago": bounds}}
    definition = {"code": "lately", "name": "lately", "anchor": "ordered", "target": {"frames": [member]}}
    order = Order("o1", BETWEEN_THE_TWO, ("A",), "new", None)
    customer = Customer("c1", datetime(2026, 1, 1, tzinfo=UTC), orders=(order,))
    with havana.holding(History((customer,), words.SHOP)):
        answer = havana.ask(definition, "everyone")
    row = answer[RowKey("c1", "ordered", "o1")]
    assert [span.lower for span in row.entry_during] == [BETWEEN_THE_TWO]
