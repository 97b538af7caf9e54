"""What the jobs for opt-outs show on a run's page."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ekiden.delivery.consent.opt_outs import OptOut
from orchestration.jobs.consent import opt_out_table


def test_instants_on_the_page_are_the_shops_to_the_minute():
    told = datetime(2026, 11, 24, 2, 30, 15, 123_456, tzinfo=UTC)
    whoever = ("C1", None, None, None, "telephone", None, "hanako", None)
    table = opt_out_table([OptOut(7, *whoever, told, None, None, None)], ZoneInfo("Asia/Tokyo"))
    assert "| 2026-11-24 11:30 |" in table
    assert "+00:00" not in table
