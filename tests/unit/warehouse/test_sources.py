"""Source tables as a manifest tells of them, and when their data counts as new."""

from datetime import UTC, datetime, timedelta

import pytest

from ekiden.warehouse.sources import Look, data_is_newer, sources_of

EARLIER = datetime(2026, 5, 1, tzinfo=UTC)
LATER = datetime(2026, 5, 2, tzinfo=UTC)


def manifest(**said: object) -> dict[str, object]:
    source = {"unique_id": "source.ekiden.raw.orders", "source_name": "raw", "name": "orders", "description": "Orders."}
    return {"sources": {"source.ekiden.raw.orders": {**source, "schema": "shop", "identifier": "v_orders", **said}}}


def test_a_source_bears_its_name_in_dbt_and_the_one_in_the_database():
    (table,) = sources_of(manifest())
    assert (table.source, table.table, table.name) == ("raw", "orders", "shop.v_orders")


@pytest.mark.parametrize(
    ("limit", "loaded_at", "too_old_after"),
    [
        ({"count": 2, "period": "day"}, "loaded_at", timedelta(days=2)),
        ({"count": None, "period": None}, "loaded_at", None),
        # how old it is, nobody could ask
        ({"count": 2, "period": "day"}, None, None),
    ],
)
def test_a_source_has_a_policy_where_it_names_an_age_and_what_tells_it(limit, loaded_at, too_old_after):
    (table,) = sources_of(manifest(freshness={"error_after": limit, "filter": "true"}, loaded_at_field=loaded_at))
    assert (table.too_old_after, table.filter) == (too_old_after, "true")


def test_a_look_at_unchanged_data_does_not_make_it_fresh():
    assert not data_is_newer(Look(10, EARLIER), EARLIER)
    assert data_is_newer(Look(10, LATER), EARLIER)
    assert data_is_newer(Look(10, EARLIER), None)
    assert not data_is_newer(Look(0, None), None)
