"""The project explains itself: every model, column and macro, in the words of its yml files."""

import re
from collections.abc import Iterator
from typing import Any

from tests.integration.warehouse.conftest import Warehouse
from tests.integration.warehouse.scenarios import BROKEN

OWN = "ekiden"


def test_every_model_says_its_grain(warehouse: Warehouse):
    silent = [node["name"] for node in models(warehouse) if "Grain - one row per " not in node["description"]]
    assert silent == []


def test_every_model_describes_exactly_its_columns_in_their_order(warehouse: Warehouse):
    built: dict[tuple[str, str], list[str]] = {}
    for schema, table, column in warehouse.connection.execute(
        "select table_schema, table_name, column_name from information_schema.columns order by ordinal_position"
    ):
        built.setdefault((schema, table), []).append(column)
    for node in models(warehouse):
        assert list(node["columns"]) == built[node["schema"], node["name"]], node["name"]
        assert all(column["description"] for column in node["columns"].values()), node["name"]


def test_every_macro_and_argument_is_described(warehouse: Warehouse):
    for macro in warehouse.manifest["macros"].values():
        if macro["package_name"] != OWN:
            continue
        # a materialization takes no arguments
        written = re.search(r"{%-?\s*(?:macro|test)\s+\w+\(([^)]*)\)|{% materialization()", macro["macro_sql"])
        assert written, macro["name"]
        names = [argument.split("=")[0].strip() for argument in (written[1] or "").split(",") if argument.strip()]
        assert macro["description"], macro["name"]
        assert [argument["name"] for argument in macro["arguments"]] == names, macro["name"]
        assert all(argument["description"] for argument in macro["arguments"]), macro["name"]


def models(warehouse: Warehouse) -> Iterator[dict[str, Any]]:
    for node in warehouse.manifest["nodes"].values():
        if node["resource_type"] == "model" and node["package_name"] == OWN and node["name"] not in BROKEN:
            yield node
