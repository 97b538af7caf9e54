"""Opt-outs and the suppression list from the command line and from files, and the same as Dagster jobs."""

import csv
import io
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dagster import DagsterEventType, Failure
from pydantic import SecretStr

from ekiden.delivery.consent.opt_out_file import read_opt_outs
from ekiden.delivery.consent.opt_outs import OptOutFilter, find_opt_outs
from orchestration.jobs.consent import CONSENT_JOBS
from tests.integration.deadlocks import fails_once
from tests.integration.ledger_fixtures import Shop

JOBS = {consent_job.name: consent_job for consent_job in CONSENT_JOBS}


def known(shop: Shop, **fields: Any) -> list[tuple[Any, ...]]:
    found = find_opt_outs(shop.connection, OptOutFilter(**fields), limit=100, withdrawn=True)
    return [(each.customer_id, each.address, each.channel, each.site) for each in reversed(found)]


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> str:
    file = tmp_path / "opt-outs.csv"
    file.write_bytes(text.encode(encoding))
    return str(file)


def test_an_opt_out_is_recorded_shown_and_withdrawn_by_a_person_who_says_why(shop: Shop, ekiden):
    shop.customer("C1")
    ended = ekiden("opt-out", "add", "--customer", "C1", "--channel", "dm", "--reason", "by telephone")
    assert (ended.code, ended.out.strip()) == (0, "1 opt-out recorded")
    assert "the shop has no customer" not in ended.err
    assert ekiden("opt-out", "add", "--customer", "C1", "--channel", "dm").out.startswith("nothing new")
    assert "the shop has no customer C0" in ekiden("opt-out", "add", "--customer", "C0").err
    (shown,) = json.loads(ekiden("opt-out", "list", "--customer", "C1", "--site", "", "--format", "json").out)
    assert (shown["source"], shown["recorded_by"], shown["reason"]) == ("command", "hanako", "by telephone")
    refused = ekiden("opt-out", "withdraw", str(shown["opt_out_id"]))
    assert (refused.code, "say how the customer has opted in again" in refused.err) == (1, True)
    ended = ekiden("opt-out", "withdraw", str(shown["opt_out_id"]), "--reason", "a letter", "--actor", "taro")
    assert "1 opt-out withdrawn" in ended.out
    assert json.loads(ekiden("opt-out", "list", "--customer", "C1", "--format", "json").out) == []
    told = ekiden("opt-out", "list", "--customer", "C1", "--withdrawn", "--format", "csv").out
    (shown,) = csv.DictReader(io.StringIO(told))
    assert (shown["withdrawn_by"], shown["withdraw_reason"]) == ("taro", "a letter")


def test_an_opt_out_of_nobody_or_nothing_is_refused(shop: Shop, ekiden):
    for arguments in ((), ("--channel", "mail"), ("--customer", "C1", "--channel", "pigeon"), ("--file", "-")):
        assert ekiden("opt-out", "add", *arguments).code == 2
    assert known(shop) == []


def test_a_withdrawal_that_names_nobody_is_refused(shop: Shop, ekiden):
    assert "say which opt-outs" in ekiden("opt-out", "withdraw", "--reason", "x", "--channel", "mail").err
    # a script's variable that is not set must not mean every site
    assert "--site is empty" in ekiden("opt-out", "withdraw", "--reason", "x", "--customer", "C1", "--site", "").err


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp932"])
def test_a_file_is_recorded_whole_and_once(shop: Shop, ekiden, tmp_path: Path, encoding: str):
    text = "customer_id,address,channel,opted_out_at,reason\r\nC1,,mail,2024-03-01,電話\r\n,B@Shop.example,,,\r\n"
    file = written(tmp_path, text, encoding)
    assert ekiden("opt-out", "add", "--file", file).out.strip() == "2 opt-outs recorded"
    assert ekiden("opt-out", "add", "--file", file).out.startswith("nothing new")
    assert set(known(shop)) == {("C1", None, "mail", None), (None, "b@shop.example", None, None)}
    (of_c1,) = find_opt_outs(shop.connection, OptOutFilter(customer_id="C1"), limit=1)
    assert (of_c1.opted_out_at, of_c1.reason, of_c1.source) == (
        shop.local("2024-03-01 23:59:59.999999"), "電話", "file"
    )  # fmt: skip


@pytest.mark.parametrize("form", ["2024-03-09", "20240309", "2024-W10-6"])
def test_a_date_alone_of_the_day_of_a_withdrawal_is_news(shop: Shop, ekiden, tmp_path: Path, form: str):
    file = written(tmp_path, f"customer_id,opted_out_at\nC1,{form}\n")
    shop.at("2024-03-08 12:00")
    ekiden("opt-out", "add", "--customer", "C1")
    shop.at("2024-03-09 10:00")
    ekiden("opt-out", "withdraw", "--customer", "C1", "--reason", "a letter")
    shop.at("2024-03-09 15:00")
    assert ekiden("opt-out", "add", "--file", file).out.strip() == "1 opt-out recorded"
    (kept,) = find_opt_outs(shop.connection, OptOutFilter(customer_id="C1"), limit=1)
    # not later than it was told
    assert kept.opted_out_at == shop.now
    # of an earlier day, it was withdrawn since
    shop.at("2024-03-10 00:00")
    ekiden("opt-out", "withdraw", "--customer", "C1", "--reason", "a letter")
    shop.at("2024-03-10 10:00")
    assert ekiden("opt-out", "add", "--file", file).out.strip() == (
        "nothing new: it stands already, or was withdrawn since"
    )


@pytest.mark.parametrize(
    ("text", "at"),
    [
        # shown twice: the second
        ("2026-11-01T01:30", "2026-11-01 06:30:00+00:00"),
        # skipped: with the offset before the jump
        ("2026-03-08T02:30", "2026-03-08 07:30:00+00:00"),
    ],
)
def test_a_local_time_of_a_file_is_read_as_a_load_reads_it(tmp_path: Path, text: str, at: str):
    file = Path(written(tmp_path, f"customer_id,opted_out_at\nC1,{text}\n"))
    (read,) = read_opt_outs(file, zone=ZoneInfo("America/New_York"), now=datetime(2026, 12, 1, tzinfo=UTC))
    assert str(read.opted_out_at.astimezone(UTC)) == at


def test_a_file_is_recorded_though_the_database_ends_it_to_let_somebody_else_go_on(
    shop: Shop, ekiden, tmp_path: Path, monkeypatch
):
    file = written(tmp_path, "customer_id,channel\nC1,mail\nC2,mail\n")
    fails_once(monkeypatch, "ekiden.cli.opt_outs.opt_out")
    assert ekiden("opt-out", "add", "--file", file).out.strip() == "2 opt-outs recorded"
    assert len(known(shop)) == 2


def test_a_file_with_a_fault_is_refused_whole(shop: Shop, ekiden, tmp_path: Path):
    faults = {
        "": "the first line names the columns",
        "channel\nmail\n": "the first line names the columns",
        "customer_id,telephone\nC1,1\n": "the first line names the columns",
        "customer_id,channel\nC1,mail\nC2,pigeon\n": "line 3: 'pigeon' is no channel",
        "customer_id,channel\nC1,mail\n,mail\n": "line 3: it names neither a customer nor an address",
        "customer_id,opted_out_at\nC1,yesterday\n": "line 2: 'yesterday' is no time",
        # which in Tokyo is before the first year there is: once stored, nobody could read it
        "customer_id,opted_out_at\nC1,0001-01-01\n": "line 2: '0001-01-01' is no time",
        "customer_id,opted_out_at\nC1,9999-12-31T23:00-12:00\n": "is no time",
        # as many systems write that there is none
        "customer_id,opted_out_at\nC1,9999-12-31\n": "line 2: '9999-12-31' is no time",
        "customer_id,channel\nC1,mail\nC2\n": "line 3: it has more or fewer fields",
        "customer_id\nC1\nC\x002\n": "NUL",
        # a column of other words; digests, as what repeats takes little room in an index
        f"address\n{''.join(sha256(bytes([n])).hexdigest() for n in range(200))}\n": "line 2: its address is longer",
    }
    for text, told in faults.items():
        ended = ekiden("opt-out", "add", "--file", written(tmp_path, text))
        assert ended.code == 1
        assert told in " ".join(ended.err.split())
    assert known(shop) == []


def test_the_suppression_list_is_shown_with_its_reasons(shop: Shop, ekiden):
    shop.execute(
        "insert into outreach.suppression_list (address, reason, source, suppressed_at)"
        " values ('a@shop.example', 'bounced', 'sendgrid', '2024-03-01 00:00+09')"
    )
    assert "bounced" in ekiden("suppressions", "list", "--address", "A@shop.example").out
    refused = ekiden("suppressions", "sync")
    assert (refused.code, "EKIDEN_SENDGRID_API_KEY" in refused.err) == (1, True)


def run(shop: Shop, name: str, **fields: object) -> dict[str, object]:
    consent_job = JOBS[name]
    (op_name,) = consent_job.graph.node_dict
    result = consent_job.execute_in_process(
        run_config={
            "ops": {op_name: {"config": fields}},
            "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
        },
        resources={"settings": shop.settings, "clock": lambda: shop.now},
    )
    (output,) = [e for e in result.all_events if e.event_type == DagsterEventType.STEP_OUTPUT]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_the_launchpad_has_the_same_words(shop: Shop):
    added = run(shop, "add_opt_out", actor="Hanako", customer="C1", channel="mail", site="a.example")
    assert added == {"opt_outs_recorded": 1, "note": "the shop has no customer C1: look whether the id is right"}
    shop.customer("C1")
    assert run(shop, "add_opt_out", actor="Hanako", customer="C1", channel="mail", site="a.example") == {
        "opt_outs_recorded": 0
    }
    assert "| C1 |" in str(run(shop, "list_opt_outs", channel="mail")["opt_outs"])
    with pytest.raises(Exception, match="'pigeon' is not known; allowed: mail"):
        run(shop, "add_opt_out", actor="Hanako", customer="C1", channel="pigeon")
    with pytest.raises(Failure, match="EKIDEN_SENDGRID_API_KEY"):
        run(shop, "sync_suppressions")
    settings = shop.settings
    away = {"sendgrid_api_key": SecretStr("SG.key"), "sendgrid_host": "http://127.0.0.1:1"}
    shop.settings = settings.model_copy(update=away)
    with pytest.raises(Failure, match="cannot be reached"):
        run(shop, "sync_suppressions")
    shop.settings = settings
    withdrawn = run(shop, "withdraw_opt_outs", actor="Hanako", reason="a letter", customer="C1")
    assert withdrawn["opt_outs_withdrawn"] == 1
    (kept,) = find_opt_outs(shop.connection, OptOutFilter(), limit=10, withdrawn=True)
    assert (kept.recorded_by, kept.withdrawn_by) == ("Hanako", "Hanako")
