"""FastUser inside Locust, over TCP, TLS, unix sockets and uwsgi, with a server that answers and fails in every way."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from fast_client._sockets import word_of

from tests.patience import LIMIT_S
from tests.unit.locustfiles.tiny_server import ANSWERS, NEVER_S

HERE = Path(__file__).resolve().parent
FAILURES = {
    "/closed": "closed",
    "/reset": "reset",
    "/truncated": "truncated",
    "/truncated-head": "truncated",
    "/truncated-chunk": "truncated",
    "/reset-late": "truncated",
    "/hang": "timeout",
    "/malformed": "malformed",
    "/malformed-length": "malformed",
    "/malformed-chunk": "malformed",
}
BIG = 3_000_000
ANSWER_S = 30.0  # the server answers at once, unless the machine is busy
Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    directory = tmp_path_factory.mktemp("tiny")
    if shutil.which("openssl"):
        certificate = directory / "tls.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        command += [
            "-subj",
            "/CN=localhost",
            "-days",
            "1",
            "-keyout",
            str(certificate),
            "-out",
            str(directory / "cert.pem"),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)
        with certificate.open("a") as file:
            file.write((directory / "cert.pem").read_text())
    command = [sys.executable, str(HERE / "tiny_server.py"), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield json.loads(server.stdout.readline())
        server.communicate(timeout=LIMIT_S)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Send requests from a process that has loaded Locust: `ask(host, call, ..., attribute=value)` returns outcomes."""
    command = [sys.executable, "-W", "error", str(HERE / "client_driver.py")]
    complaints = tmp_path_factory.mktemp("client") / "stderr"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with complaints.open("w") as file, subprocess.Popen(command, stderr=file, **pipes) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        requests, answers = driver.stdin, driver.stdout

        def run(host: str, *calls: dict[str, Any], **attributes: Any) -> list[dict[str, Any]]:
            user = (
                {"host": host, "network_timeout": ANSWER_S, "connection_timeout": ANSWER_S}
                | attributes
                | {"calls": calls}
            )
            requests.write(f"{json.dumps([user])}\n")
            requests.flush()
            limit = threading.Timer(NEVER_S, driver.kill)
            limit.start()
            try:
                line = answers.readline()
            finally:
                limit.cancel()
            assert line, complaints.read_text()
            (outcomes,) = json.loads(line)
            return outcomes

        yield run
        requests.close()
        assert driver.wait(NEVER_S) == 0, complaints.read_text()
        assert complaints.read_text() == ""


def get(url: str, **more: Any) -> dict[str, Any]:
    return {"method": "GET", "url": url, **more}


def check_answers(outcomes: list[dict[str, Any]]) -> None:
    plain, chunked, unframed, interim, big, drip = outcomes
    assert (plain["status"], plain["text"], plain["worker"], plain["error"]) == (200, "ok\n", [2, 345], None)
    assert [one["text"] for one in (chunked, unframed, interim)] == ["abc0123456789", "until the end", "ok"]
    assert big["length"] == big["row"]["size"] == big["events"][0]["response_length"] == BIG
    assert drip["text"] == "ok\n"


ANSWERING = [get(path) for path in ("/", "/chunked", "/unframed", "/continue", f"/big/{BIG}", "/drip")]


def test_answers_over_tcp_and_the_word_of_each_failure(where: dict[str, Any], ask: Ask) -> None:
    host, paths = f"http://127.0.0.1:{where['http']}", [*FAILURES, "/500", "/json", "/empty"]
    more = [get("/", name="mine"), {"method": "HEAD", "url": "/"}]
    paths.remove("/hang")
    outcomes = ask(host, *ANSWERING, *map(get, paths), *more)
    check_answers(outcomes[: len(ANSWERING)])
    by_path = dict(zip(paths, outcomes[len(ANSWERING) :], strict=False))
    # The only one with a short time limit: on a busy machine every answer may take as long.
    (by_path["/hang"],) = ask(host, get("/hang"), network_timeout=0.4)
    for path, word in FAILURES.items():
        one = by_path[path]
        assert one["row"]["error"] == word, path
        assert one["error"].startswith(word)
        assert (one["status"], one["text"], len(one["events"]), one["worker"]) == (0, None, 1, None)
        assert word in one["events"][0]["exception"]
    assert by_path["/hang"]["latency_s"] >= 0.4
    failed = by_path["/500"]
    assert (failed["status"], failed["row"]["error"], failed["ok"], failed["text"]) == (500, "", False, "no")
    assert "500" in failed["events"][0]["exception"]
    assert by_path["/json"]["content_type"] == "application/json"
    assert by_path["/empty"]["status"] == 204
    named, headed = outcomes[-2:]
    assert named["events"][0]["name"] == named["row"]["name"] == "mine"
    assert (headed["status"], headed["length"]) == (200, 0)


def test_answers_over_unix_sockets(where: dict[str, Any], ask: Ask) -> None:
    path = where["unix"].replace("/", "%2F")
    check_answers(ask(f"http+unix://{path}", *ANSWERING))
    check_answers(ask(f"http+unix://{where['unix']}", *ANSWERING))
    missing = ask("http+unix:///nowhere/at.sock", get("/"))
    assert missing[0]["row"]["error"] == "refused"


def test_answers_over_tls(where: dict[str, Any], ask: Ask) -> None:
    if "tls" not in where:
        pytest.skip("openssl, which makes the certificate, is not installed")
    echo = {"method": "POST", "url": "/echo", "data": "x" * 1000}
    outcomes = ask(f"https://localhost:{where['tls']}", echo, *ANSWERING, get("/closed"))
    assert json.loads(outcomes[0]["text"])["body"] == "x" * 1000
    check_answers(outcomes[1:-1])
    assert outcomes[-1]["row"]["error"] == "closed"
    assert ask(f"https://localhost:{where['tls']}", get("/"), insecure=False)[0]["row"]["error"] == "other"
    assert ask(f"https://127.0.0.1:{where['http']}", get("/"), connection_timeout=0.4)[0]["row"]["error"] == "timeout"


def test_answers_over_the_uwsgi_protocol(where: dict[str, Any], ask: Ask) -> None:
    call = {"method": "POST", "url": "/p%20q?a=1", "json": {"k": 1}, "headers": {"X-Thing": "t"}}
    outcomes = ask(f"uwsgi://127.0.0.1:{where['uwsgi']}", call, get("/"))
    packet = json.loads(outcomes[0]["text"])
    assert (packet["modifiers"], packet["body"], outcomes[0]["worker"]) == ([0, 0], '{"k": 1}', [1, 99])
    expected = {"REQUEST_METHOD": "POST", "PATH_INFO": "/p q", "QUERY_STRING": "a=1", "REQUEST_URI": "/p%20q?a=1"}
    expected |= {"CONTENT_LENGTH": "8", "CONTENT_TYPE": "application/json", "HTTP_X_THING": "t"}
    expected |= {"HTTP_HOST": f"127.0.0.1:{where['uwsgi']}", "SERVER_PROTOCOL": "HTTP/1.1"}
    assert expected.items() <= packet["variables"].items()
    assert json.loads(outcomes[1]["text"])["variables"]["REQUEST_METHOD"] == "GET"


def test_bodies_and_headers_arrive_as_they_were_given(where: dict[str, Any], ask: Ask) -> None:
    host = f"http://localhost:{where['http']}"
    form = {"method": "POST", "url": "/echo", "data": {"a": "b c"}}
    other = {"method": "PUT", "url": "/echo", "data": "é", "headers": {"host": "app.example"}}
    huge = {"method": "POST", "url": "/echo", "data": "x" * 2_000_000}
    early = {"method": "POST", "url": "/early", "data": "x" * 20_000_000}
    outcomes = ask(host, form, other, huge, early, get("/keep"), get("/keep"), default_headers={"X-Mine": "1"})
    sent = [json.loads(one["text"] if len(one["text"]) < 2000 else "{}") for one in (outcomes[0], outcomes[1])]
    assert sent[0]["body"] == "a=b+c"
    assert sent[0]["fields"]["content-type"] == "application/x-www-form-urlencoded"
    assert (sent[0]["fields"]["host"], sent[0]["fields"]["x-mine"]) == (host.removeprefix("http://"), "1")
    assert (sent[1]["fields"]["host"], sent[1]["body"]) == ("app.example", "é".encode().decode("latin-1"))
    assert outcomes[2]["length"] > 2_000_000
    assert outcomes[3]["status"] == 413
    first, second = (json.loads(one["text"])["port"] for one in outcomes[4:])
    assert first == second
    closing = [json.loads(o["text"]) for o in ask(host, get("/keep"), get("/keep"), keep_alive=False)]
    assert closing[0]["port"] != closing[1]["port"]
    assert closing[0]["fields"]["connection"] == "close"


def test_a_request_is_repeated_if_the_server_closes_a_kept_connection(where: dict[str, Any], ask: Ask) -> None:
    # The answer of "/" promises to keep the connection, but the server closes it, as uWSGI's http-socket does.
    outcomes = ask(f"http://127.0.0.1:{where['http']}", *[get("/")] * 200)
    assert {one["row"]["error"] for one in outcomes} == {""}


def test_a_with_block_judges_the_answer(where: dict[str, Any], ask: Ask) -> None:
    judged = [get(path, catch_response=True, judge=judge) for path, judge in JUDGED]
    outcomes = ask(f"http://127.0.0.1:{where['http']}", *judged, get("/", judge="success"))
    excused, condemned, raising, plain = outcomes
    assert [excused["events"][0]["exception"], len(excused["events"])] == ["None", 1]
    assert "bad" in condemned["events"][0]["exception"]
    assert (raising["raised"], raising["rows"], raising["events"]) == ("ZeroDivisionError", 1, 0)
    assert plain["raised"] == "LocustError"


JUDGED = (("/500", "success"), ("/", "failure"), ("/", "raise"))


def test_a_port_without_a_server_and_requests_that_cannot_be_sent(ask: Ask) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listen(), connections are refused, and no other process gets the port
        port = taken.getsockname()[1]
        calls = (get("/"), get("/", headers={"A": "b\nc"}), get("ftp://a/"))
        refused, broken, scheme = ask(f"http://127.0.0.1:{port}", *calls)
    assert (refused["row"]["error"], refused["status"]) == ("refused", 0)
    assert (broken["raised"], broken["rows"], scheme["raised"]) == ("ValueError", 0, "ValueError")
    assert word_of(socket.gaierror(socket.EAI_NONAME, "no such name")) == "other"


def test_a_host_that_is_not_a_url_is_an_error_at_the_start() -> None:
    call = json.dumps([{"host": "127.0.0.1:80", "calls": []}])
    command = [sys.executable, str(HERE / "client_driver.py")]
    done = subprocess.run(command, input=call, capture_output=True, text=True, timeout=LIMIT_S)
    assert "StopTest: --host '127.0.0.1:80' is not an http" in done.stderr


def test_every_failure_of_the_server_is_tested() -> None:
    assert {path for path in ANSWERS if path.startswith(("/truncated", "/malformed"))} <= set(FAILURES)


TURNS = """
import time
import gevent
from fast_client._sockets import get_poller

poller, seen = get_poller(), []

def ask(name):
    try:
        poller.turn()
    except ZeroDivisionError:
        begin = time.monotonic()
        gevent.sleep(0.2)
        name = f"{name} slept" if time.monotonic() - begin > 0.15 else f"{name} was woken"
    seen.append(name)

hit, other = gevent.spawn(ask, "hit"), gevent.spawn(ask, "other")
gevent.spawn(hit.throw, ZeroDivisionError)  # before the turn comes
gevent.joinall([hit, other])
again = [gevent.spawn(lambda: [poller.turn() for _ in range(3)]) for _ in range(4)]
print(seen, len(gevent.joinall(again, timeout=600)))
"""


def test_a_greenlet_that_lets_others_run_first_continues_after_them() -> None:
    """A greenlet that a timeout hits before its turn is not woken for it. A greenlet may have several turns."""
    command = [sys.executable, "-W", "error", "-c", "from gevent import monkey; monkey.patch_all()" + TURNS]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=NEVER_S, cwd=HERE.parents[2] / "locustfiles", check=True
    )
    assert done.stdout.strip() == "['other', 'hit slept'] 4"
