"""Who is in a segment at an instant: as it is built, and as its file says before it is built."""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from ekiden.cli import main
from ekiden.database import streams
from ekiden.database.connection import connect
from ekiden.insights.moments import moment
from ekiden.insights.segments import SegmentMember, SegmentSize, SegmentUnusable, UnknownSegment, asked_segment, members
from ekiden.insights.segments import size as size_of
from ekiden.warehouse.dbt import BuildFailed
from ekiden.warehouse.questions import compiled_model
from tests.integration.insights.conftest import AWKWARD_CUSTOMER, NOW, ZONE, BuiltShop

LAPSED = "lapsed_90_days"
NEWCOMERS = """
{{ config(description='100% new {braces}') }}
-- two weeks from the registration on; by '%s' and "{0}" nothing is meant
select customer_id, tstzmultirange(tstzrange(registered_at, registered_at + interval '14 days')) as valid
from {{ ref('stg_customers') }} -- the last line is a comment"""


@pytest.fixture
def segments(built_shop: BuiltShop) -> Iterator[Path]:
    """The project's segments, where a test may put files of its own."""
    folder = built_shop.project / "models" / "segments"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    yield folder
    for path in folder.iterdir():
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def ask(
    shop: BuiltShop, name: str, on: str, *, limit: int | None = None, compiled: str | None = None
) -> tuple[SegmentSize, list[SegmentMember]]:
    """Ask the built view, or what a file would be compiled to."""
    asked = asked_segment(
        shop.connection, name, shop.project, lambda _: compiled or "never compiled", edited=compiled is not None
    )
    when = moment(on, now=NOW, zone=ZONE)
    with members(shop.connection, asked, when, limit=limit) as found:
        return size_of(shop.connection, asked, when), list(found)


def test_a_built_segment_is_asked_at_any_instant(built_shop: BuiltShop):
    now, nobody = ask(built_shop, LAPSED, "2026-03-08")
    assert (now.customers, nobody, now.is_built, now.is_forecast) == (0, [], True, False)
    later, found = ask(built_shop, LAPSED, "2026-12-01")
    assert later.is_forecast
    assert later.customers == len(found) == later.ever > 10
    assert [member.customer_id for member in found] == sorted(member.customer_id for member in found)
    assert all(member.entered_at <= later.at and member.leaves_at is None for member in found)
    assert len(ask(built_shop, LAPSED, "2026-12-01", limit=2)[1]) == 2


def test_a_file_is_asked_before_it_is_built_and_nothing_is_built(built_shop: BuiltShop, segments: Path):
    (segments / "newcomers.sql").write_text(NEWCOMERS, encoding="utf-8")
    text = compiled_model(built_shop.settings, "newcomers", project=built_shop.project)
    during, found = ask(built_shop, "newcomers", "2026-03-08", compiled=text)
    assert not during.is_built
    assert during.customers == len(found) == during.ever
    assert AWKWARD_CUSTOMER in {member.customer_id for member in found}
    assert ask(built_shop, "newcomers", "2026-12-01", compiled=text)[0].customers == 0
    built = built_shop.connection.execute("select to_regclass('segments.newcomers')").fetchone()
    assert built == (None,)
    # of a built one, the file is asked where somebody wants just that
    always, found = ask(built_shop, LAPSED, "1990-01-01", compiled="select customer_id from staging.stg_customers")
    assert (always.customers, always.is_built) == (len(found), False)
    assert {(member.entered_at, member.leaves_at) for member in found} == {(None, None)}
    assert ask(built_shop, LAPSED, "1990-01-01")[0].customers == 0


def test_a_segment_that_is_no_segment_says_why(built_shop: BuiltShop, segments: Path):
    with pytest.raises(UnknownSegment, match=f"perhaps {LAPSED}; known: {LAPSED}, newsletter_takers"):
        ask(built_shop, "lapsed_9_days", "2026-03-08")
    for text, words in (
        ("select 1 as client", "gives no column customer_id; it gives: client"),
        ("select customer_id from no_such_table", "does not run: .*no_such_table"),
        ("select customer_id::integer as customer_id from staging.stg_customers", "does not run: .*integer"),
        ("select 'x' as customer_id, nextval('outreach.no_such_sequence') as valid", "does not run"),
    ):
        with pytest.raises(SegmentUnusable, match=words):
            ask(built_shop, LAPSED, "2026-03-08", compiled=text)
    (segments / "broken_one.sql").write_text("select {{ no_such_macro() }}", encoding="utf-8")
    with pytest.raises(BuildFailed, match="no_such_macro"):
        compiled_model(built_shop.settings, "broken_one", project=built_shop.project)


def test_rows_too_many_are_counted_and_an_infinity_is_no_bound(built_shop: BuiltShop):
    connection = built_shop.connection
    name = sql.Identifier("segments", "quiet_28_days")
    rows = "values ('x', '{[-infinity, infinity)}'::tstzmultirange), ('x', '{[2026-03-01, 2027-01-01)}'), ('y', null)"
    with connection.transaction(force_rollback=True):
        connection.execute(
            sql.SQL("create or replace view {} as select * from ({}) as r (customer_id, valid)").format(
                name, sql.SQL(rows)
            )
        )
        counted, found = ask(built_shop, "quiet_28_days", "2026-03-08")
    assert (counted.customers, counted.ever, counted.surplus_rows) == (1, 1, 1)
    assert found[0].entered_at is None or found[1].entered_at is None


def test_a_list_that_is_read_slowly_keeps_nobody_waiting(built_shop: BuiltShop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "FETCHED_ROWS", 1)
    asked = asked_segment(built_shop.connection, LAPSED, built_shop.project, lambda _: "never compiled")
    with members(built_shop.connection, asked, moment("2026-12-01", now=NOW, zone=ZONE)) as found:
        first = next(found)
        with connect(built_shop.settings) as builder:
            builder.execute("lock table segments.lapsed_90_days in access exclusive mode nowait")
            builder.rollback()
        assert len({member.customer_id for member in (first, *found)}) > 10


def test_the_command_counts_and_lists(built_shop: BuiltShop, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("EKIDEN_DATABASE_URL", built_shop.settings.database_url.get_secret_value())
    monkeypatch.setenv("EKIDEN_HOME", str(built_shop.settings.home))
    monkeypatch.setenv("EKIDEN_TIME_ZONE", "Asia/Tokyo")

    def told(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["ekiden", "segment", *arguments, "--on", "2026-06-01T12:00"])
        with pytest.raises(SystemExit):
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured.out + captured.err

    as_json = json.loads(told(LAPSED, "--format", "json"))
    assert as_json["customers"] == len(as_json["members"]) > 3
    rows = list(csv.DictReader(told(LAPSED, "--format", "csv").splitlines()))
    assert [row["customer_id"] for row in rows] == [member["customer_id"] for member in as_json["members"]]
    table = told(LAPSED, "--limit", "2")
    assert str(as_json["customers"]) in table
    assert f"at most 2 of {as_json['customers']} customers" in table
    assert f"known: {LAPSED}, newsletter_takers" in told("nobody")
