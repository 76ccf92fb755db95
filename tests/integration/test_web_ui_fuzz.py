"""Any request to the web UI: no status 500, no traceback, and a malformed form starts no stack."""

from __future__ import annotations

import json
import os
import socket
import urllib.parse
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.patience import LIMIT_S

from .ui_process import running_ui

CASES = int(os.environ.get("FUZZ_CASES", "150"))
PATHS = (
    *("", "swarm", "stop", "user", "stats/requests", "stats/reset", "stats/report", "stats/requests/csv", "login"),
    *("stats/failures/csv", "stats/requests_full_history/csv", "exceptions", "exceptions/csv", "tasks", "logs"),
    *("worker-count", "workers/state", "workers/episodes.csv", "workers/report.html", "workers/static/live.js"),
    *("workers/static/../../__main__.py", "assets/..%2f..%2fx", "assets/", "authenticate"),
)
FIELDS = {"user_count": "8", "spawn_rate": "8", "host": "", "workers": "2", "max_requests": "10", "threads": "0"}
FIELDS |= {"stack": "threads", "version": "py312-2.0.30.post1", "run_time": "5s"}
WRONG = st.one_of(
    st.text(max_size=20).filter(lambda text: not text.strip().isdigit() and text != "5s"),
    st.integers(10**9, 10**400).map(str),
    st.sampled_from(["nan", "inf", "-1", "1e999", "\x00", "\r\nX: y", "<script>", "../../x", "²", "[]", "9" * 5000]),
)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "Cookie", "Range", "If-None-Match", "Accept", "X-Forwarded-Host", "Referer"]),
    st.sampled_from(
        ["", "x", "application/json", "multipart/form-data", "multipart/form-data; boundary=a", "bytes=9-"]
    ),
    max_size=3,
)


@st.composite
def malformed_forms(draw: st.DrawFn) -> bytes:
    """A form of the page with one value that no field takes, or one field that the page does not have."""
    field = draw(st.sampled_from([name for name in FIELDS if name not in ("host", "run_time")] + ["web_port", "x"]))
    return urllib.parse.urlencode(FIELDS | {field: draw(WRONG)}).encode()


def send(port: int, method: str, target: bytes, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """Send one request, whatever is in it. Return the status, 0 if there is none, and the body of the answer."""
    lines = [f"Host: 127.0.0.1:{port}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = method.encode() + b" " + target + b" HTTP/1.1\r\n" + "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
        connection.sendall(head + body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    first, _, rest = answer.partition(b"\r\n")
    words = first.split(b" ")
    return (int(words[1]) if len(words) > 1 else 0), rest.partition(b"\r\n\r\n")[2]


def test_any_request_gets_an_answer_and_a_malformed_form_starts_nothing(tmp_path: Path, results: Path) -> None:
    cases = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
    with running_ui(tmp_path / "ui.log") as port:

        @cases
        @given(
            method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "BREW"]),
            path=st.sampled_from(PATHS),
            query=st.text(max_size=20),
            headers=HEADERS,
            body=st.one_of(malformed_forms(), st.binary(max_size=60)),
        )
        def any_request(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
            target = f"/{path}?{urllib.parse.quote(query)}".encode()
            status, answer = send(port, method, target, headers, body)
            assert 200 <= status < 500 or status == 501, (status, answer[:300])

        @cases
        @given(form=malformed_forms())
        def any_form(form: bytes) -> None:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            status, answer = send(port, "POST", b"/swarm", kind, form)
            assert status == 200
            assert json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])["success"] is False

        any_request()
        any_form()
        _, state = send(port, "GET", b"/workers/state", {}, b"")
        assert json.loads(state)["phase"] == ""
        _, stats = send(port, "GET", b"/stats/requests", {}, b"")
        assert json.loads(stats)["state"] in ("ready", "stopped")  # a POST of /stop may have been among the requests
    assert not results.exists()
