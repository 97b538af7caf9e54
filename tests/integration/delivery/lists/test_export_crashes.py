"""Exports that end before their time, and exports in company: nobody is lost, and nobody is on two lists."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from uuid import uuid4

import pytest

from ekiden.database.connection import connect
from ekiden.delivery.lists import export as export_module
from ekiden.delivery.lists import export_files
from ekiden.delivery.lists.export import export_due
from ekiden.settings import PROJECT_ROOT
from tests.integration.deadlocks import fails_once
from tests.integration.delivery.lists.exporting import CARD, export, lines_of, names_in
from tests.integration.ledger_fixtures import OPERATOR, Shop

pytestmark = pytest.mark.usefixtures("sound_ledger")


def test_a_file_that_cannot_be_written_leaves_the_rows_as_they_were(shop: Shop):
    shop.scenario(steps=[CARD])
    shop.buyer("C1")
    shop.plan()
    shop.settings.home.mkdir(parents=True)
    shop.settings.exports.write_text("a file where the folder should be")
    with pytest.raises(OSError):
        export(shop)
    assert shop.row().state == "ready"
    assert shop.execute("select count(*) from outreach.messages") == [(0,)]


def test_a_file_that_broke_off_is_not_left_behind(one_card: Shop, monkeypatch):
    def full_disk(*_arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(export_files, "_write_csv", full_disk)
    with pytest.raises(OSError, match="no space left"):
        export(one_card)
    assert names_in(one_card) == []
    assert one_card.row().state == "ready"


def test_killed_between_file_and_commit_nobody_is_lost_and_the_file_is_set_aside(one_card: Shop):
    # what records the file waits for this lock: by then the file is on disk, and nothing is committed
    with connect(one_card.settings) as another:
        another.execute("lock table outreach.exported_files in access exclusive mode")
        process = export_in_a_process(one_card)
        try:
            wait_until(lambda: waits_for_the_lock(one_card))
            (unfinished,) = names_in(one_card)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert unfinished.endswith(".csv.unfinished")
    report = export(one_card)
    name = unfinished.removesuffix(".unfinished")
    assert report.settled.void == (name,)
    assert names_in(one_card) == sorted([f"{name}.void", report.file.name])
    assert [line["customer_id"] for line in lines_of(report.file)] == ["C1"]
    assert one_card.states() == {("C1", 1): "sent", ("C1", 2): "ready"}


def test_ended_between_commit_and_name_the_file_gets_its_name_with_the_next_export(one_card: Shop, monkeypatch):
    def lose_power(_written):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_files, "finish", lose_power)
    with pytest.raises(KeyboardInterrupt):
        export(one_card)
    (unfinished,) = names_in(one_card)
    monkeypatch.undo()
    report = export(one_card)
    assert report.exported == 0
    assert report.settled.finished == (unfinished.removesuffix(".unfinished"),)
    assert names_in(one_card) == [unfinished.removesuffix(".unfinished")]


def test_what_an_attempt_wrote_before_a_retry_that_found_nobody_is_set_aside(one_card: Shop, monkeypatch):
    fails_once(monkeypatch, "ekiden.delivery.lists.export._write")
    lock_due = export_module._lock_due
    attempts = count()

    def lock_what_is_left(*arguments):
        if next(attempts):
            with connect(one_card.settings, autocommit=True) as another:
                replace(one_card, connection=another).operate("hold")
        lock_due(*arguments)

    monkeypatch.setattr(export_module, "_lock_due", lock_what_is_left)
    report = export(one_card)
    assert (report.exported, report.file) == (0, None)
    (unfinished,) = names_in(one_card)
    report = export(one_card)
    assert report.settled.finished == ()
    assert names_in(one_card) == [f"{unfinished.removesuffix('.unfinished')}.void"]
    assert one_card.states() == {("C1", 1): "held"}


def test_a_file_whose_marks_a_restored_backup_does_not_have_is_set_aside(one_card: Shop):
    one_card.settings.exports.mkdir(parents=True)
    lost = one_card.settings.exports / f"20240308T210000Z-{uuid4()}.csv"
    for name in (lost.name, "mine.csv", f"{lost.name}.txt"):
        (one_card.settings.exports / name).touch()
    assert export(one_card).settled.void == (lost.name,)
    assert {"mine.csv", f"{lost.name}.txt", f"{lost.name}.void"} < set(names_in(one_card))


def test_of_two_exports_at_once_one_has_everybody(shop: Shop):
    shop.scenario(steps=[CARD])
    for number in range(20):
        shop.buyer(f"C{number}")
    shop.plan()

    def export_beside(_):
        with connect(shop.settings, autocommit=True) as another:
            return export_due(another, now=shop.now, settings=shop.settings, context=OPERATOR)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(export_beside, range(4)))
    assert sorted(report.exported for report in reports) == [0, 0, 0, 20]
    assert [report.settled.void for report in reports] == [()] * 4
    assert len(names_in(shop)) == 1


def test_a_row_that_somebody_is_changing_waits_for_the_next_list(one_card: Shop):
    with connect(one_card.settings) as another:
        another.execute("select from outreach.schedule_rows for update")
        assert export(one_card).exported == 0
        another.rollback()
    assert export(one_card).exported == 1


def export_in_a_process(shop: Shop) -> subprocess.Popen:
    environment = {
        **os.environ,
        "EKIDEN_HOME": str(shop.settings.home),
        "EKIDEN_DATABASE_URL": shop.settings.database_url.get_secret_value(),
    }
    code = (
        "from datetime import datetime\n"
        "from ekiden.database.connection import connect\n"
        "from ekiden.delivery.lists.export import export_due\n"
        "from ekiden.schedule.runs import RunContext\n"
        "from ekiden.settings import Settings\n"
        "settings = Settings()\n"
        "with connect(settings, autocommit=True) as connection:\n"
        f"    now = datetime.fromisoformat('{shop.now.isoformat()}')\n"
        "    export_due(connection, now=now, settings=settings, context=RunContext('somebody'))\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT_ROOT, env=environment)


def waits_for_the_lock(shop: Shop) -> bool:
    waiting = "select count(*) from pg_locks where relation = 'outreach.exported_files'::regclass and not granted"
    return shop.execute(waiting) == [(1,)]


def wait_until(happened, patience: float = 120) -> None:
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)
