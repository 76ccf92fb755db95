"""Web pages of strangers, in a real browser: they can neither start a test nor read one, and no text becomes markup."""

from __future__ import annotations

import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue import ROOT
from tests.quiet_port import quiet_port

from .browser import browser
from .ui_process import running_ui

sys.path.insert(0, str(ROOT / "locustfiles"))
from workers_ui._report import FILES, section

from tests.patience import until

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's own pipes

ATTACK = """
async ([url, form]) => {
  const outcome = {};
  const body = new URLSearchParams(form);
  for (const mode of ["cors", "no-cors"])
    for (const [method, path] of
         [["POST", "swarm"], ["GET", "workers/state"], ["GET", "stats/requests"], ["POST", "stop"]])
      outcome[`${mode} ${path}`] = await fetch(url + path, { mode, method, body: method === "POST" ? body : undefined })
        .then((answer) => `${answer.type} ${answer.status}`, () => "failed");
  return outcome;
}
"""


@contextmanager
def served(pages: Callable[[str], str]) -> Iterator[int]:
    """Serve the text of `pages(path)` as HTML."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages(self.path).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def web_ui(log: Path, *arguments: str) -> Iterator[int]:
    """Run `make ui` for a host where nothing listens: it shows that a test would have started, and starts no stack."""
    arguments += ("--url", f"http://127.0.0.1:{quiet_port()}")
    with running_ui(log, *arguments, more={"PACK_RESULTS": str(log.parent / "results")}) as port:
        yield port


@pytest.fixture
def names() -> tuple[str, ...]:
    """The browser finds every name at this machine, as a name server of a stranger would make it."""
    return ("--host-resolver-rules=MAP *.example 127.0.0.1",)


def state(page: Any, port: int) -> dict[str, Any]:
    return dict(page.request.get(f"http://127.0.0.1:{port}/stats/requests").json())


def test_a_foreign_page_can_neither_start_a_test_nor_read_one(tmp_path: Path, names: tuple[str, ...]) -> None:
    form = {"user_count": "1", "spawn_rate": "1", "host": ""}
    with (
        browser(flags=names) as window,
        web_ui(tmp_path / "ui.log") as port,
        served(lambda path: "<p>evil</p>") as evil,
    ):
        page, url = window.page, f"http://127.0.0.1:{port}/"
        # A page of another site, and one of another port of this machine, such as a stack under test.
        for foreign in (f"http://evil.example:{evil}/", f"http://127.0.0.1:{evil}/"):
            page.goto(foreign)
            outcome = page.evaluate(ATTACK, [url, form])
            assert {what: word for what, word in outcome.items() if what.startswith("cors")} == {
                f"cors {path}": "failed" for path in ("swarm", "workers/state", "stats/requests", "stop")
            }
            assert {word for what, word in outcome.items() if what.startswith("no-cors")} == {"opaque 0"}
            assert state(page, port)["state"] == "ready"
        # A form that a stranger's page sends by itself, and a frame around the page.
        fields = "".join(f'<input name="{name}" value="{value}">' for name, value in form.items())
        page.set_content(f'<form method="post" action="{url}swarm">{fields}</form>')
        page.evaluate("document.forms[0].submit()")
        page.get_by_text("Refused: the request comes from another web page").wait_for()
        page.goto(f"http://evil.example:{evil}/")
        page.set_content(f'<iframe src="{url}"></iframe>')
        page.frame_locator("iframe").get_by_text("Refused: ").wait_for()
        # DNS rebinding: the stranger's name now means this machine, so its page is of the same origin as the web UI.
        answer = page.goto(f"http://evil.example:{port}/")
        assert (answer.status, answer.text().partition(":")[0]) == (403, "Refused")
        outcome = page.evaluate(ATTACK, ["/", form])
        assert set(outcome.values()) == {"basic 403"}
        assert state(page, port)["state"] == "ready"
        # The user's own page starts a test.
        page.goto(url)
        page.get_by_role("button", name="Start", exact=True).click()
        until(lambda: page.request.get(f"{url}workers/state").json()["phase"] == "loading")
        assert page.evaluate("fetch('/stop', { method: 'POST' }).then((answer) => answer.status)") == 200
        until(lambda: page.request.get(f"{url}workers/state").json()["over"])


def test_the_web_ui_warns_where_others_can_connect_and_refuses_their_pages(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    log = tmp_path / "ui.log"
    with browser(flags=names) as window, web_ui(log, "--listen", "0.0.0.0,load.example") as port:
        page = window.page
        assert f"Everyone who can connect to port {port} of any address of this machine" in log.read_text()
        page.goto(f"http://load.example:{port}/")
        page.get_by_role("button", name="Start", exact=True).wait_for()
        assert page.evaluate("fetch('/workers/state').then((answer) => answer.status)") == 200
        assert page.goto(f"http://evil.example:{port}/").status == 403


MARKUP = "</script><!--<script>'\"><img src=x onerror=window.stolen=1><svg onload=window.stolen=1>&lt;b&gt;\x1b[31m"


def hostile_state() -> dict[str, Any]:
    """A state of the page in which every text comes from a log, a header or a name that a stranger chose."""
    return {
        "choice": {"stack": MARKUP, "version": MARKUP, "workers": MARKUP, "threads": MARKUP, "max_requests": MARKUP},
        **{"phase": "stopping", "words": MARKUP, "error": MARKUP, "over": True, "directory": MARKUP, "waiting": False},
        **{"from_s": 0, "now_s": 20, "tab": "uwsgi-workers", "host": f"http://127.0.0.1/{MARKUP}"},
        "lanes": [[1, "hung", 1, 2, MARKUP], [MARKUP, "serving", 1, 2, MARKUP]],
        "slots": [[1, "hung", 2], [MARKUP, MARKUP, 2]],
        "seconds": [[1, 2, 1, 0]],
        "counts": {
            "hung": 1,
            "trials": MARKUP,
            "respawns": MARKUP,
            "p50_s": "never",
            "p95_s": 1,
            "hung_initial": MARKUP,
        },
        "verdict": {"verdict": MARKUP, "reason": MARKUP, "evidence": MARKUP},
        "helps": [MARKUP],
        "page": True,
        "episodes": [[MARKUP, MARKUP, MARKUP, MARKUP, MARKUP, 1, 2, 3, 4, "never", MARKUP]],
    }


def assert_no_markup(page: Any, at_least: int) -> None:
    """Fail if a text became an element, or if it is not on the page as it is."""
    assert page.evaluate("window.stolen") is None
    assert page.locator("img, [onload], [onerror]").count() == 0
    assert page.evaluate("document.documentElement.textContent").count("<img src=x onerror=") >= at_least


def test_no_text_becomes_markup_in_the_report_and_in_the_live_tab(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text(section('<!doctype html><meta charset="utf-8"><body><p>first</p></body>', hostile_state()))
    with browser() as window:
        page = window.page
        page.goto(report.as_uri())
        assert "window.stolen=1" in window.see(".w-verdict")
        page.locator(".w-table td").first.wait_for()
        assert_no_markup(page, at_least=15)

        shell = '<!doctype html><div id="root"><main><div><div role="tablist"></div></div></main></div>'
        shell += "".join(f"<script src='/{name}'></script>" for name in ("workers.js", "live.js"))
        files = {f"/{name}": (FILES / name).read_text() for name in ("workers.js", "live.js")}
        files |= {"/workers/state": json.dumps(hostile_state())}
        with served(lambda path: files.get(path.partition("?")[0], shell)) as port:
            page.goto(f"http://127.0.0.1:{port}/?tab=uwsgi-workers")
            assert "window.stolen=1" in window.see("#uwsgi-note")
            window.see("#uwsgi-workers .w-table td")
            assert_no_markup(page, at_least=15)
            page.evaluate(
                "state => { state.error = ''; state.phase = 'starting'; state.over = false;"
                " state.choice = { url: state.words, pid: state.words };"
                " window.fetch = async () => ({ ok: true, json: async () => state }); }",
                hostile_state(),
            )
            window.see("#uwsgi-note:has-text('Starting')")
            assert_no_markup(page, at_least=10)
