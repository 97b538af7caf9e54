"""Whether a sender's memory depends on how many messages it sends: one process, one queue, looked at twice.

Belongs here: that one run. Does not belong here: any speed (`send`), and Dagster's process around a sender (`burst`).
"""

from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed, scratch
from tests.benchmarks.send import fill, make_certificate, race, same_people, sink, tell_memory
from tests.benchmarks.sender import EARLY
from tests.benchmarks.shop import Size


def run(size: Size, report: Reporter) -> None:
    """Send one message to each customer of a shop by one process that tells its memory on the way and at the end."""
    if size.customers <= EARLY:
        raise BenchmarkFailed(f"memory is compared with that after {EARLY:,} messages; ask for more customers")
    with scratch() as place:
        report.note(f"a shop whose {size.customers:,} customers are all due one message")
        fill(place, size.customers)
        with sink(make_certificate(place.folder / "sink.pem")) as taker:
            report.note("sending")
            speed = race(place, "ekiden", taker.http, 1000, 1, size.customers)
            same_people(taker, size.customers, "ekiden")
            report.figure("messages", speed.messages, "messages")
            tell_memory(report, speed, "sender_memory")
