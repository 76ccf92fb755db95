"""FastUser with real uWSGI: HTTP and the uwsgi protocol, over TCP and over a unix socket."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stacks.catalogue import venvs
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

APP = """
import json
def application(environ, start_response):
    body = environ["wsgi.input"].read().decode()
    wanted = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_THING", "CONTENT_TYPE")
    text = json.dumps({n: environ.get(n) for n in wanted} | {"body": body}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])  # no length: the body ends with the connection
    return [text]
"""
INI = """[uwsgi]
strict = true
master = true
need-app = true
http-socket = 127.0.0.1:{http}
socket = 127.0.0.1:{uwsgi}
socket = {directory}/uwsgi.sock
http-socket = {directory}/http.sock
wsgi-file = {directory}/app.py
disable-logging = true
hook-accepting = print:pack-ready
route-run = addheader:X-Worker: ${{uwsgi[wid]}}/${{uwsgi[pid]}}
"""
pytestmark = pytest.mark.uwsgi


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[dict[str, str]]:
    http, uwsgi = quiet_port(), quiet_port()
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "stack.ini").write_text(INI.format(http=http, uwsgi=uwsgi, directory=tmp_path))
    log = tmp_path / "uwsgi.log"
    with log.open("wb") as file:
        command = [str(venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1").uwsgi), "--ini", str(tmp_path / "stack.ini")]
        process = subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True)
    try:
        end = time.monotonic() + LIMIT_S
        while "pack-ready\n" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        quoted = str(tmp_path).replace("/", "%2F")
        yield {
            "http": f"http://127.0.0.1:{http}",
            "uwsgi": f"uwsgi://127.0.0.1:{uwsgi}",
            "uwsgi+unix": f"uwsgi+unix://{quoted}%2Fuwsgi.sock",
            "http+unix": f"http+unix://{quoted}%2Fhttp.sock",
        }
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)


def test_every_transport_sends_the_same_request(stack: dict[str, str]) -> None:
    call = {"method": "POST", "url": "/p%20q?a=1", "data": "x" * 50_000, "headers": {"Host": "app.example"}}
    call["headers"] |= {"X-Thing": "t", "Content-Type": "text/plain"}
    users = [
        {"host": host, "network_timeout": LIMIT_S, "calls": [call, {"method": "GET", "url": "/"}]}
        for host in stack.values()
    ]
    driver = Path(__file__).with_name("client_driver.py")
    done = subprocess.run(
        [sys.executable, str(driver)], input=json.dumps(users), capture_output=True, text=True, timeout=LIMIT_S
    )
    assert done.returncode == 0, done.stderr
    for transport, (posted, got) in zip(stack, json.loads(done.stdout), strict=True):
        assert (posted["status"], posted["row"]["error"], got["status"]) == (200, "", 200), transport
        assert posted["worker"][0] == 1, transport
        assert posted["length"] > 50_000
        sent = json.loads(got["text"])
        assert (sent["REQUEST_METHOD"], sent["PATH_INFO"]) == ("GET", "/")
        for expected in (
            '"PATH_INFO": "/p q"',
            '"QUERY_STRING": "a=1"',
            '"HTTP_HOST": "app.example"',
            '"HTTP_X_THING": "t"',
        ):
            assert expected in posted["text"], transport
