"""Lists on the command line: what is said, and how it ends."""

import csv
import io
import json
from uuid import uuid4

import pytest

from tests.integration.ledger_fixtures import STEP, Shop


@pytest.fixture
def due(shop: Shop) -> Shop:
    """C1 is due for a card; the name begins like a formula."""
    shop.scenario(steps=[STEP | {"channel": "dm"}])
    shop.buyer("C1", family_name="=1+1")
    shop.plan()
    return shop


def test_an_export_tells_its_file_and_can_be_had_again(due: Shop, ekiden):
    ended = ekiden("export", "--scenario", "follow_up", "--channel", "dm", "--bom")
    assert ended.code == 0
    (file,) = due.settings.exports.iterdir()
    assert ended.out == f"1 row exported to {file}\n"
    assert "1 cells begin like a formula" in ended.err
    (known,) = json.loads(ekiden("exports", "--format", "json").out)
    assert (known["file_name"], known["actor"], known["row_count"]) == (file.name, "hanako", 1)
    again = ekiden("export", "--again", known["run_id"])
    assert "the same file as before" in again.err
    assert len(list(csv.DictReader(io.StringIO(ekiden("exports", "--format", "csv").out)))) == 2
    assert ekiden("export").out == "nothing is due\n"


def test_the_run_by_which_a_list_is_had_again_stands_in_the_table(due: Shop, ekiden):
    ekiden("export")
    (known,) = json.loads(ekiden("exports", "--format", "json").out)
    # the file's name ends in it, but is no word that --again takes
    assert f"│ {known['run_id']} │" in ekiden("exports").out


def test_an_export_during_a_pause_says_so_and_how_to_go_on(due: Shop, ekiden):
    ekiden("pause", "follow_up", "--reason", "a wrong price")
    ended = ekiden("export")
    assert (ended.code, ended.out) == (0, "nothing is due that is not paused\n")
    assert "1 row left alone, due in a scenario that is paused" in ended.err
    assert "a wrong price. To go on: ekiden resume follow_up --reason WHY" in ended.err
    ekiden("pause", "--all", "--reason", "the shop is closed")
    ended = ekiden("export")
    assert (ended.code, ended.out) == (1, "")
    assert "To go on: ekiden resume --reason WHY" in ended.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("export", "--scenario", "nobody"), 1, "no scenario 'nobody'; known: follow_up"),
        (("export", "--channel", "html_email"), 1, "html_email is not exported"),
        (("export", "--again", str(uuid4())), 1, "exported no list; `ekiden exports` shows those that did"),
        (("export", "--again", str(uuid4()), "--channel", "dm"), 2, "leave out --scenario and --channel"),
        (("export", "--format", "xlsx"), 2, "Usage"),
        (("list", "import", "no-such.csv", "--list", "spring"), 1, "no-such.csv: is not a file in"),
    ],
)
def test_what_cannot_be_done_is_said(due: Shop, ekiden, arguments, code, message):
    ended = ekiden(*arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert due.row().state == "ready"


def test_a_list_is_imported_and_its_scenarios_are_named(shop: Shop, ekiden, tmp_path):
    shop.scenario("invited", source="csv_list", anchor={"list_imported": "春"}, steps=[STEP | {"offset_days": 0}])
    shop.plan()
    shop.customer("C1")
    file = tmp_path / "a.csv"
    file.write_text("customer_id\nC1\nC9\n")
    refused = ekiden("list", "import", str(file), "--list", "春")
    assert refused.code == 1
    assert "a.csv, line 3, column customer_id: 'C9' is not in customers" in refused.err
    ended = ekiden("list", "import", str(file), "--list", "春", "--skip-bad-rows")
    assert ended.code == 0
    assert "list 春: 1 of 2 rows added (utf-8), 0 on the list already, 1 bad and left out" in ended.out
    assert "begins invited (enabled)" in ended.out
    assert "line 3" in ended.out
    assert shop.execute("select customer_id, added_at from raw.list_members") == [("C1", shop.now)]
    assert shop.execute("select actor from outreach.imported_lists") == [("hanako",)]
