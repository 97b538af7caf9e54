"""A build that replaces what somebody reads: neither of them fails by the other."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from ekiden.database.connection import connect
from ekiden.settings import Settings
from tests.properties.macros import RenderedProject

PATIENCE = 30
"""Seconds until something that waits counts as stuck."""


def until_it_waits(watcher: psycopg.Connection, session: psycopg.Connection) -> None:
    """Return once a session waits for another's lock."""
    query = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
    ends = time.monotonic() + PATIENCE
    while watcher.execute(query, [session.info.backend_pid]).fetchone() != (True,):
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_build_tries_again_where_a_reader_of_a_view_waits_for_its_table_the_other_way_round(settings: Settings):
    turns = RenderedProject("unused").call("in_turns", "drop table public.made cascade; create table public.made ();")
    with (
        connect(settings, autocommit=True) as watcher,
        connect(settings) as planner,
        connect(settings) as build,
        connect(settings) as reader,
        ThreadPoolExecutor(2) as threads,
    ):
        watcher.execute("create table public.made as select 'C1' as customer_id")
        watcher.execute("create view public.shown as select customer_id from public.made")
        # whoever looks for a deadlock first is the one that ends
        reader.execute("set deadlock_timeout = '1min'")
        build.execute("set deadlock_timeout = '50ms'")
        planner.execute("lock table public.made in access share mode")
        building = threads.submit(build.execute, f"do language plpgsql $turns${turns}$turns$".encode())
        until_it_waits(watcher, build)
        reading = threads.submit(reader.execute, "select customer_id from public.shown")
        until_it_waits(watcher, reader)
        planner.rollback()
        assert reading.result(PATIENCE).fetchall() == [("C1",)]
        reader.rollback()
        building.result(PATIENCE)
        build.commit()
        assert watcher.execute("select to_regclass('public.shown')").fetchone() == (None,)
