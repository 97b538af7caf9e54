"""Messages a second from due to recorded, against a bare loop, the stock client, and the peers, at the same sink.

Belongs here: the order of the measurements, and that every side wrote to the same people. Does not belong here: the
sides themselves (`sender`, `peers/mails.py`).
"""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import certifi
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ekiden.database.connection import connection_parts, database_url
from tests.benchmarks import sending_shop, shop
from tests.benchmarks.measures import Reporter
from tests.benchmarks.place import BenchmarkFailed, Place, ask_peer, scratch
from tests.benchmarks.sender import CONTENT, EARLY

AUTHORITIES = "authorities.pem"
OF_BARE_LOOP = 0.6
"""What Ekiden keeps of the speed of a loop without a ledger; a ratio to reach, not to stay under."""
OF_STOCK_CLIENT = 25
"""Times the stock client's speed at one message a request over TLS."""
OF_EARLY_MEMORY = 1.15
"""What a sender's highest memory may come to, of that until the ten thousandth message. It is to be flat; one
batch in many needs 18 MB more for a moment, while what stays is the same from the third batch to the five hundredth."""
PEERS_MESSAGES = 5_000
"""The peers take some seconds for as many; a ratio of speeds needs no more."""
STOCK_MESSAGES = 300
"""Ten seconds of the stock client over TLS."""


@dataclass(frozen=True)
class Sink:
    """Where a running sink listens."""

    http: str
    smtp: int
    https: str

    def taken(self, *, forget: bool = False) -> dict[str, int]:
        """Return what it has taken: requests, messages, and two figures that tell one set of people from another."""
        request = urllib.request.Request(self.http, method="DELETE" if forget else "GET")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))


@dataclass(frozen=True)
class Speed:
    """What one side did, all its processes together."""

    messages: int
    seconds: float
    cpu: float
    megabytes: float
    early_megabytes: float | None
    """The highest memory until ten thousand messages were sent; None where there were fewer."""

    @property
    def per_second(self) -> float:
        return self.messages / self.seconds


def run(size: shop.Size, report: Reporter) -> None:
    """Send one message to each customer of a shop, by every side, each from the same beginning."""
    with scratch() as place:
        certificate = make_certificate(place.folder / "sink.pem")
        report.note(f"a shop whose {size.customers:,} customers are all due one message")
        fill(place, size.customers)
        template = keep(place)
        with sink(certificate) as taker:
            ours = {
                (recipients, processes): _ekiden(place, template, taker, size, report, recipients, processes)
                for recipients in (1000, 1)
                for processes in (1, 2)
            }
            bare = {processes: _bare(place, taker, size, report, processes) for processes in (1, 2)}
            _tell_against_bare(report, ours, bare)
            _tell_posts(place, taker, size, report, ours)
            _tell_stock(place, template, taker, size, report)
            _tell_peers(place, taker, size, report, ours[1000, 1])


def fill(place: Place, customers: int) -> None:
    """Make a shop whose customers are all due one message at the instant that `sender` takes for now."""
    due = sending_shop.due_at(place.settings)
    sending_shop.fill(place, customers, CONTENT, due=due, planned_at=due - timedelta(hours=1))


def _ekiden(
    place: Place, template: str, taker: Sink, size: shop.Size, report: Reporter, recipients: int, processes: int
) -> Speed:
    restore(place, template)
    speed = race(place, "ekiden", taker.http, recipients, processes, size.customers)
    same_people(taker, size.customers, f"ekiden, {recipients} a request, {processes} processes")
    name = f"ekiden_{recipients}_a_request_{processes}_processes"
    report.figure(name, speed.per_second, "messages/s")
    report.figure(f"{name}_own_cpu", speed.cpu / speed.messages * 1e6, "us/message")
    tell_memory(report, speed, f"{name}_memory")
    return speed


def tell_memory(report: Reporter, speed: Speed, name: str) -> None:
    """Tell a sender's highest memory, and what that is of its highest until the ten thousandth message."""
    report.figure(name, speed.megabytes, "MB")
    if speed.early_megabytes is not None:
        report.figure(f"{name}_until_{EARLY}", speed.early_megabytes, "MB")
        report.figure(f"{name}_growth", speed.megabytes / speed.early_megabytes, "ratio", OF_EARLY_MEMORY)


def _bare(place: Place, taker: Sink, size: shop.Size, report: Reporter, processes: int) -> Speed:
    with place.connect() as connection:
        connection.execute("drop schema if exists bench cascade")
        connection.execute("create schema bench")
        connection.execute(
            "create table bench.queue (id bigint primary key, customer_id text, state text not null,"
            " send_at timestamptz, claimed_at timestamptz, sent_at timestamptz)"
        )
        connection.execute(
            "insert into bench.queue select n, 'c' || n, 'ready', now() from generate_series(1, %s) as made (n)",
            (size.customers,),
        )
        connection.execute("create index on bench.queue (id) where state = 'ready'")
        connection.execute("vacuum analyze bench.queue")
    speed = race(place, "bare", taker.http, 1000, processes, size.customers)
    taker.taken(forget=True)
    report.figure(f"bare_loop_{processes}_processes", speed.per_second, "messages/s")
    return speed


def _tell_against_bare(report: Reporter, ours: dict[tuple[int, int], Speed], bare: dict[int, Speed]) -> None:
    for processes, loop in bare.items():
        of = ours[1000, processes].per_second / loop.per_second
        report.figure(f"of_the_bare_loop_{processes}_processes", of, "ratio", OF_BARE_LOOP)


def _tell_posts(
    place: Place, taker: Sink, size: shop.Size, report: Reporter, ours: dict[tuple[int, int], Speed]
) -> None:
    for recipients, messages in ((1000, size.customers), (1, min(size.customers, 20_000))):
        speed = race(place, "posts", taker.http, recipients, 1, messages)
        report.figure(
            f"of_only_posting_{recipients}_a_request", ours[recipients, 1].per_second / speed.per_second, "ratio"
        )
    taker.taken(forget=True)


def _tell_stock(place: Place, template: str, taker: Sink, size: shop.Size, report: Reporter) -> None:
    stock = race(place, "stock", taker.https, 1, 1, STOCK_MESSAGES)
    taker.taken(forget=True)
    restore(place, template)
    ours = race(place, "ekiden", taker.https, 1, 1, size.customers)
    same_people(taker, size.customers, "ekiden over TLS")
    report.figure("stock_client_1_a_request_over_tls", stock.per_second, "messages/s")
    report.figure("ekiden_1_a_request_over_tls", ours.per_second, "messages/s")
    report.figure("times_the_stock_client_over_tls", ours.per_second / stock.per_second, "ratio", OF_STOCK_CLIENT)


def _tell_peers(place: Place, taker: Sink, size: shop.Size, report: Reporter, ours: Speed) -> None:
    parts = connection_parts(database_url(place.settings))
    address = {"HOST": parts.host, "PORT": parts.port, "USER": parts.user, "PASSWORD": parts.password}
    customers = min(size.customers, PEERS_MESSAGES)
    for peer in ("post_office", "drip"):
        request = {
            "peer": peer,
            "smtp_port": taker.smtp,
            "customers": customers,
            "database": {**address, "NAME": parts.database},
        }
        told = ask_peer("mails.py", request)
        same_people(taker, customers, peer)
        report.figure(peer, customers / told["seconds"], "messages/s")
        report.figure(f"times_{peer}", ours.per_second * told["seconds"] / customers, "ratio")


def same_people(taker: Sink, customers: int, side: str) -> None:
    """Raise `BenchmarkFailed` unless every customer, from 1 on, was written to once; forget them."""
    taken = taker.taken(forget=True)
    if (taken["messages"], taken["distinct"], taken["sum"]) != (customers, customers, customers * (customers + 1) // 2):
        raise BenchmarkFailed(f"{side}: {taken} came in, {customers} different customers were due")


def race(place: Place, side: str, host: str, recipients: int, processes: int, messages: int) -> Speed:
    """Start so many senders, let them begin together, and return what they did until the last had ended."""
    command = [sys.executable, "-m", "tests.benchmarks.sender", side, host, str(recipients), str(messages)]
    environment = place.environment | {"SSL_CERT_FILE": str(place.folder / AUTHORITIES)}
    started = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        for process in started:
            if _line(process) != "ready":
                raise BenchmarkFailed(f"{side} did not start")
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(_line(process) or "null") for process in started]
        if None in told:
            raise BenchmarkFailed(f"{side} failed; what it said is above")
    finally:
        for process in started:
            process.kill()
            process.wait()
    return Speed(
        messages=sum(one["messages"] for one in told),
        seconds=max(one["seconds"] for one in told),
        cpu=sum(one["cpu"] for one in told),
        megabytes=max(one["megabytes"] for one in told),
        early_megabytes=max((one["early_megabytes"] for one in told if one["early_megabytes"]), default=None),
    )


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def keep(place: Place) -> str:
    """Copy the place's database, to begin from again, and return the copy's name."""
    name = connection_parts(database_url(place.settings)).database
    with _server(place) as server:
        server.execute(f'create database "{name}_kept" template "{name}"')
    return f"{name}_kept"


def restore(place: Place, template: str) -> None:
    """Make the place's database what it was when it was kept."""
    name = connection_parts(database_url(place.settings)).database
    with _server(place) as server:
        server.execute(f'drop database "{name}" with (force)')
        server.execute(f'create database "{name}" template "{template}"')
        # the copy's pages go to the disk now, not while the next side is timed
        server.execute("checkpoint")


def _server(place: Place) -> psycopg.Connection[Any]:
    parts = connection_parts(database_url(place.settings))
    return psycopg.connect(
        host=parts.host, port=parts.port, user=parts.user, password=parts.password, dbname="postgres", autocommit=True
    )


@contextmanager
def sink(certificate: Path) -> Iterator[Sink]:
    """Yield a running sink and stop it."""
    command: Sequence[str] = [sys.executable, "-m", "tests.benchmarks.mail_sink", str(certificate)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            http, smtp, https = map(int, _line(process).split())
            yield Sink(f"http://127.0.0.1:{http}", smtp, f"https://127.0.0.1:{https}")
        finally:
            process.kill()


def make_certificate(path: Path) -> Path:
    """Write a certificate of this machine's loopback address, with its key, and return the path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(private + public)
    # beside the usual authorities: reading them all is what a client pays for a TLS context of its own
    trusted = Path(certifi.where()).read_bytes()
    path.with_name(AUTHORITIES).write_bytes(trusted + public)
    return path
