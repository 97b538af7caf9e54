"""One process that sends: Ekiden's own loop, or what it is compared with; waits for a line before it begins.

Belongs here: the sides that are timed, each from "go" to nothing left. Prints one JSON object. Does not belong here:
how many run at once, and what the figures mean (`send`).
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
import urllib3
from pydantic import SecretStr

from ekiden.content.render import MessageVariables, load_content, render
from ekiden.database.connection import connect, database_url
from ekiden.delivery.channels.base import Carrier, Channel
from ekiden.delivery.channels.sendgrid.channel import SendGridChannel
from ekiden.delivery.sending.send import SendCounts
from ekiden.delivery.sending.worker import send_all_due
from ekiden.scenarios.definition import MAIL_CHANNELS
from ekiden.settings import Settings
from tests.benchmarks.sending_shop import BENCHMARK, due_at

BATCH = 1000
"""What a claim and a request hold."""
EARLY = 10_000
"""Messages after which a sender's memory is compared with that at its end: ten batches, all it needs was needed."""

CLAIM = """
with taken as (
    select id from bench.queue where state = 'ready' order by id limit %s for update skip locked
)
update bench.queue set state = 'sending', claimed_at = now() from taken where queue.id = taken.id returning queue.id
"""
RECORD = """
update bench.queue set state = 'sent', sent_at = now() from unnest(%s::bigint[]) as done (id) where queue.id = done.id
"""


def channel(host: str, recipients: int) -> Channel:
    """Return SendGrid's channel to the sink, with 1,000 recipients a request or with one."""
    # without room for anybody's own words, every message is a request of its own
    words = {"substitution_bytes": 0} if recipients == 1 else {}
    return SendGridChannel(SecretStr("SG.benchmark"), host=host, **words)


@dataclass
class Memory:
    """The highest memory of this process until so many messages were sent; in megabytes, None before that."""

    early: float | None = None

    def look(self, counts: SendCounts) -> None:
        if self.early is None and counts.sent >= EARLY:
            self.early = self.peak

    @property
    def peak(self) -> float:
        """The highest until now."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def ekiden(host: str, recipients: int, memory: Memory) -> Callable[[], int]:
    """Return a worker's whole loop: claim, check, render, post, record, next step."""
    settings = Settings()
    carrier = Carrier(channel(host, recipients), MAIL_CHANNELS)
    connection = connect(settings, autocommit=True)

    def run() -> int:
        done = send_all_due(
            connection,
            carriers=[carrier],
            settings=settings,
            clock=lambda: due_at(settings),
            context=BENCHMARK,
            progress=lambda _, counts: memory.look(counts),
        )
        return sum(part.report.counts.sent for part in done)

    return run


def bare(host: str, recipients: int) -> Callable[[], int]:
    """Return a loop without a ledger: claim by update, post a ready body, record by update."""
    connection = psycopg.connect(database_url(Settings()), autocommit=True)
    post = poster(host, recipients)

    def run() -> int:
        sent = 0
        while True:
            claimed = [row for (row,) in connection.execute(CLAIM, (BATCH,)).fetchall()]
            if not claimed:
                return sent
            for _ in range(0, len(claimed), recipients):
                post()
            connection.execute(RECORD, (claimed,))
            sent += len(claimed)

    return run


def posts(host: str, recipients: int, messages: int) -> Callable[[], int]:
    """Return a loop that does nothing but post ready bodies."""
    post = poster(host, recipients)

    def run() -> int:
        for _ in range(0, messages, recipients):
            post()
        return messages

    return run


def poster(host: str, recipients: int) -> Callable[[], None]:
    """Return a post of one ready body on a connection that stays open."""
    pool = urllib3.PoolManager()
    body = ready_body(recipients)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer SG.benchmark"}

    def post() -> None:
        answer = pool.request("POST", f"{host}/v3/mail/send", body=body, headers=headers, retries=False)
        if answer.status != 202:
            raise RuntimeError(f"the sink answered {answer.status}")

    return post


def ready_body(recipients: int) -> bytes:
    """Return a body as Ekiden's are: one content, and for each recipient a name, links and headers."""
    message = rendered()
    personalization = {
        "to": [{"email": "customer0@shop.example", "name": "山田 花子"}],
        "custom_args": {"ekiden_message_id": "00000000-0000-0000-0000-000000000000"},
        "headers": {"List-Unsubscribe": "<https://mail.shop.example/unsubscribe/" + "x" * 60 + ">"},
        "substitutions": {f"-0123456789abcdef-{number}-": "x" * 40 for number in range(8)},
    }
    content = [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}]
    return orjson.dumps(
        {
            "personalizations": [personalization] * recipients,
            "from": {"email": "shop@shop.example"},
            "subject": message.subject,
            "content": content,
        }
    )


def stock(host: str, _recipients: int, messages: int) -> Callable[[], int]:
    """Return the package as it comes, called once a message."""
    from sendgrid import SendGridAPIClient  # noqa: PLC0415
    from sendgrid.helpers.mail import Content, Mail  # noqa: PLC0415

    client = SendGridAPIClient("SG.benchmark", host=host)
    message = rendered()

    def run() -> int:
        for number in range(messages):
            mail = Mail(
                from_email="shop@shop.example",
                to_emails=f"customer{number}@shop.example",
                subject=message.subject,
                plain_text_content=Content("text/plain", message.text),
                html_content=Content("text/html", message.html or ""),
            )
            client.send(mail)
        return messages

    return run


def rendered() -> Any:
    """Return the message of a made-up customer."""
    settings = Settings()
    variables = MessageVariables(
        customer_name="山田 花子",
        family_name="山田",
        given_name="花子",
        shop_name=settings.sender_name,
        postal_address=settings.postal_address,
        contact_address=settings.sender_address,
        unsubscribe_url="https://mail.shop.example/unsubscribe/" + "x" * 60,
        anchor_date=due_at(settings).date(),
        anchor_products=("Sencha from Uji, 100 g",),
        step_no=1,
    )
    return render(load_content(settings.content, CONTENT), variables)


CONTENT = "cross_sell/step_1"


def main() -> None:
    """Prepare the side named on the command line, say so, wait for a line, run, and tell."""
    side, host, recipients, messages = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    memory = Memory()
    run = {
        "ekiden": lambda: ekiden(host, recipients, memory),
        "bare": lambda: bare(host, recipients),
        "posts": lambda: posts(host, recipients, messages),
        "stock": lambda: stock(host, recipients, messages),
    }[side]()
    print("ready", flush=True)
    sys.stdin.readline()
    began, spent = time.perf_counter(), time.process_time()
    done = run()
    told = {
        "messages": done,
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - spent,
        "megabytes": memory.peak,
        "early_megabytes": memory.early,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
