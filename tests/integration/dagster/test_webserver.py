"""Dagster's real webserver on loopback: it takes orders from its own pages and from no page of another site."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from ekiden.settings import PROJECT_ROOT
from tests.loopback import free_port

PATIENCE = 240.0  # seconds; a busy machine with two cores takes its time to import Dagster twice
OPENED_AT = "https://dagster.shop.example"

DEFINITIONS = """
import dagster as dg

@dg.op
def nothing():
    pass

@dg.job
def pause_sending():
    nothing()

defs = dg.Definitions(jobs=[pause_sending], assets=[dg.AssetSpec("mail")])
"""
LAUNCH = (
    "mutation($p: ExecutionParams!) { launchRun(executionParams: $p) { __typename ... on PythonError { message } } }"
)
LAUNCHED = {
    "p": {
        "selector": {
            "repositoryLocationName": "ekiden",
            "repositoryName": "__repository__",
            "jobName": "pause_sending",
        },
        "runConfigData": {},
    }
}
RUNS = "{ runsOrError { ... on Runs { results { jobName } } } }"


class Webserver:
    """One that was started as `ekiden up` starts it, on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """Status and body of the answer; underscores in headers' names stand for hyphens."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): said for name, said in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def post(self, query: str, variables: object = None, **headers: str) -> tuple[int, str]:
        """Ask as Dagster's own pages do, which put the operation's name behind the path."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        return self.ask("POST", "/graphql?op=Query", body, **{"Content_Type": "application/json", **headers})

    def runs(self) -> int:
        status, said = self.post(RUNS)
        assert status == 200, said
        return len(json.loads(said)["data"]["runsOrError"]["results"])

    def subscribe(self, origin: str | None) -> str:
        """What a socket says first that a page of this origin opened."""
        with connect(
            f"ws://{self.host}/graphql",
            origin=Origin(origin) if origin else None,
            subprotocols=[Subprotocol("graphql-ws")],
            open_timeout=PATIENCE,
            proxy=None,
        ) as socket:
            socket.send(json.dumps({"type": "connection_init"}))
            return str(json.loads(socket.recv(timeout=PATIENCE))["type"])


@pytest.fixture(scope="module")
def webserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webserver]:
    home = tmp_path_factory.mktemp("webserver")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    (home / "definitions.py").write_text(DEFINITIONS)
    (home / "workspace.yaml").write_text(
        "load_from:\n  - python_file:\n      relative_path: definitions.py\n      location_name: ekiden\n"
    )
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EKIDEN_")}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "orchestration.webserver", "-w", str(home / "workspace.yaml")),
                *("-h", "127.0.0.1", "-p", str(port)),
            ],
            cwd=PROJECT_ROOT,
            env={**environment, "EKIDEN_HOME": str(home), "DAGSTER_HOME": str(home), "EKIDEN_DAGSTER_URL": OPENED_AT},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    served = Webserver(port)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (home / "log").read_text()
            try:
                if served.ask("GET", "/server_info")[0] == 200:
                    break
            except OSError:
                time.sleep(0.2)
        yield served
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


def test_what_dagsters_own_pages_do_goes_on(webserver: Webserver) -> None:
    own = f"http://{webserver.host}"
    before = webserver.runs()
    status, said = webserver.post(LAUNCH, LAUNCHED, Origin=own, Sec_Fetch_Site="same-origin")
    assert (status, json.loads(said)["data"]["launchRun"]["__typename"]) == (200, "LaunchRunSuccess"), said
    assert webserver.runs() == before + 1
    assert webserver.subscribe(own) == "connection_ack"
    for page in ("/", "/jobs", "/server_info"):
        assert webserver.ask("GET", page)[0] == 200
    # the page on which people write queries
    status, said = webserver.ask("GET", "/graphql", Accept="text/html")
    assert status == 200
    assert "GraphiQL" in said


def test_a_program_may_report_what_happened_to_an_asset(webserver: Webserver) -> None:
    assert webserver.ask("POST", "/report_asset_materialization/mail")[0] == 200
    assert webserver.ask("POST", "/report_asset_materialization/mail", b"{}", Content_Type="application/json")[0] == 200
    assert webserver.ask("POST", "/report_asset_materialization/mail", Origin="https://evil.example")[0] == 403


def test_an_order_by_get_is_refused_with_the_way_out(webserver: Webserver) -> None:
    before = webserver.runs()
    order = urlencode({"query": LAUNCH, "variables": json.dumps(LAUNCHED)})
    for path in (f"/graphql?{order}", f"/graphql/?{order}", f"//graphql?{order}", f"/%67raphql?{order}"):
        for accepted in ("image/avif,*/*", "text/html"):
            status, said = webserver.ask("GET", path, Referer="https://evil.example/", Accept=accepted)
            assert (status, "post it like that" in said) == (405, True), path
    assert webserver.runs() == before


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "text/plain; application/json", "text/plain;charset=application/json", "application/graphql"),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=application/json", ""),
    ],
)
def test_a_post_that_any_page_can_send_is_refused(webserver: Webserver, content_type: str) -> None:
    before = webserver.runs()
    order = urlencode({"query": LAUNCH, "variables": json.dumps(LAUNCHED)})
    body = json.dumps({"query": LAUNCH, "variables": LAUNCHED}).encode()
    status, said = webserver.ask("POST", f"/graphql?{order}", body, Content_Type=content_type)
    assert (status, "application/json alone" in said) == (415, True)
    assert webserver.runs() == before


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost:8000"])
def test_a_post_of_another_sites_page_is_refused_whatever_it_holds(webserver: Webserver, origin: str) -> None:
    before = webserver.runs()
    status, said = webserver.post(LAUNCH, LAUNCHED, Origin=origin)
    assert (status, "EKIDEN_DAGSTER_URL" in said) == (403, True)
    assert webserver.runs() == before


def test_nobody_else_is_told_that_an_order_may_be_posted(webserver: Webserver) -> None:
    status, _ = webserver.ask(
        "OPTIONS", "/graphql", Access_Control_Request_Method="POST", Origin=f"http://{webserver.host}"
    )
    assert status == 415


@pytest.mark.parametrize("host", ["evil.example:{port}", "localhost.evil.example", "evil@localhost", "[::1", ""])
def test_a_name_that_is_not_dagsters_is_refused_with_the_way_out(webserver: Webserver, host: str) -> None:
    for path in ("/", "/server_info", "/graphql"):
        status, said = webserver.ask("GET", path, Host=host.format(port=webserver.port))
        assert (status, "EKIDEN_DAGSTER_URL" in said) == (403, True), said
    name = host.format(port=webserver.port)
    assert webserver.post(RUNS, Host=name, Origin=f"http://{name}")[0] == 403


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1", "[::1]:{port}", "192.0.2.7", "dagster.shop.example"])
def test_dagster_is_opened_by_its_own_names_and_by_numbers(webserver: Webserver, host: str) -> None:
    name = host.format(port=webserver.port)
    assert webserver.post(RUNS, Host=name, Origin=f"http://{name}")[0] == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:8000", None])
def test_a_socket_of_another_sites_page_is_refused(webserver: Webserver, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        webserver.subscribe(origin)
    assert refused.value.response.status_code == 403
    assert b"EKIDEN_DAGSTER_URL" in refused.value.response.body


def test_a_proxy_that_says_another_host_serves_the_pages_of_the_address_that_people_open(webserver: Webserver) -> None:
    assert webserver.post(RUNS, Origin=OPENED_AT)[0] == 200
    assert webserver.subscribe(OPENED_AT) == "connection_ack"
    assert webserver.post(RUNS, Origin="http://dagster.shop.example")[0] == 403


def test_no_other_sites_page_shows_dagster_in_a_frame(webserver: Webserver) -> None:
    connection = HTTPConnection("127.0.0.1", webserver.port, timeout=PATIENCE)
    connection.request("GET", "/jobs")
    answer = connection.getresponse()
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    connection.close()
