"""`make ui` in a real browser, with real uWSGI: a hang appears, another version recovers, and no process stays."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below

from stacks.catalogue import ROOT
from stacks.observe import native_stacks, proc, tcp_table
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

from .browser import browser, text_of
from .conftest import left_behind
from .ui_process import await_ui, kill_group, start_ui

SMALL = {"userCount": "16", "spawnRate": "16", "workers": "4"}
FORM = {"user_count": "8", "spawn_rate": "8", "host": "", "workers": "2", "max_requests": "10", "threads": "0"}
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's own pipes


@dataclass
class Ui:
    """A web UI that is running."""

    process: subprocess.Popen[bytes]
    port: int
    base: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}/"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=LIMIT_S) as answer:  # noqa: S310 - a loopback address
            return str(answer.read().decode())

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.get("workers/state")))

    def post(self, path: str, **form: str) -> dict[str, Any]:
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.url + path, data, timeout=LIMIT_S) as answer:  # noqa: S310 - a loopback address
            return dict(json.loads(answer.read()))

    def until(self, look: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        end = time.monotonic() + LIMIT_S
        while not look(state := self.state()):
            assert time.monotonic() < end, f"{what}: {state.get('phase')} {state.get('error')} {self.log.read_text()}"
            time.sleep(0.1)
        return state

    def end(self, number: int = signal.SIGTERM) -> None:
        """Send it one signal. Then it must end without an error, and no longer listen."""
        self.process.send_signal(number)
        assert self.process.wait(LIMIT_S) == 0
        assert "Traceback" not in self.log.read_text()
        assert tcp_table.backlog(self.port) is None


@pytest.fixture
def ui(tmp_path: Path, venv: Callable[[str], object], results: Path) -> Iterator[Callable[..., Ui]]:
    """Return a function that starts a web UI. The test fails if a process or a port stays at the end."""
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    started: list[Ui] = []

    def start(*arguments: str, base: str = "") -> Ui:
        port = quiet_port()
        log = tmp_path / f"ui-{port}.log"
        process = start_ui(log, port, *arguments)
        started.append(Ui(process, port, base, log))
        await_ui(process, port, log)
        return started[-1]

    yield start
    for web_ui in started:
        kill_group(web_ui.process)
    assert left_behind(results) == []


def record(directory: str) -> dict[str, Any]:
    return dict(json.loads((Path(directory) / "run.json").read_text()))


@contextmanager
def without_errors(page: Any) -> Iterator[None]:
    """Fail if the page had an error, a warning or a request to another server."""
    yield
    assert page.wrong == []


def test_a_hang_appears_and_another_version_recovers(ui: Callable[..., Ui], results: Path) -> None:
    with browser() as window, without_errors(window):
        web_ui = ui()
        page = window.page
        page.goto(web_ui.url)
        # Python 3.12 with pyuwsgi 2.0.22 does not start (unbit/uwsgi#2579): the page shows the reason and the form.
        fields = page.locator("form [name]").evaluate_all("all => all.map(one => one.name)")
        assert fields[-5:] == ["stack", "version", "workers", "maxRequests", "threads"]
        window.start(page, **SMALL, stack="threads", version="py312-2.0.22")
        assert "could not be started" in window.see("#uwsgi-note.w-note-bad")
        window.see("form button:has-text('Start')")
        window.start(page, **SMALL, stack="threads", version="py312-2.0.26")
        page.get_by_role("tab", name="Workers").click()
        # For a moment, the page still shows the verdict of the run before.
        assert "hung_worker" in window.see(".w-verdict:has-text('hung_worker')")
        page.locator("svg .w-hatch").nth(3).wait_for()  # the verdict comes with the first
        assert "✕ hung" in window.see(".w-now-hung")
        # The waits may prove the hang before there is a backtrace.
        window.see(".w-verdict code:has-text('take_gil')" if native_stacks.program() else ".w-verdict code")
        assert "upgrade pyuwsgi" in window.see(".w-verdict p")
        light = page.locator("#uwsgi-workers").evaluate("e => getComputedStyle(e).backgroundColor")
        page.locator(".MuiAppBar-root button:visible").last.click()
        window.see("#uwsgi-workers.w-dark")
        assert page.locator("#uwsgi-workers").evaluate("e => getComputedStyle(e).backgroundColor") != light
        window.press("Stop")
        hung = Path(window.see(".w-results code"))

        window.press("New")
        window.start(page.locator(".MuiModal-root"), version="py312-2.0.30.post1")
        web_ui.until(lambda s: s.get("counts", {}).get("respawns", 0) >= 20, "20 respawns")
        page.reload()  # the URL contains the tab
        assert "py312-2.0.30.post1" in window.see(".w-head h2")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download CSV").click()
        rows = list(csv.DictReader(io.StringIO(text_of(download.value))))
        assert sum(row["outcome"] == "ready" and row["generation"] != "0" for row in rows) >= 20
        window.press("Stop")
        verdict = window.see(".w-verdict.w-good")
        assert "recovers" in verdict
        assert window.see(".w-tile:has-text('Came back') small").split()[1] in verdict.split()
        recovered = Path(window.see(".w-results code"))
        assert window.see(".w-results a")
        assert "Do the workers come back?" in page.request.get(f"{web_ui.url}workers/report.html").text()

        page.goto(web_ui.url + "stats/report?theme=dark")
        assert "recovers" in window.see("#uwsgi-workers-report.w-dark .w-verdict")
        assert window.see("#root h2, #root h1, #root h4")
    web_ui.end(signal.SIGINT)

    for directory, verdict in ((hung, "hung_worker"), (recovered, "recovers")):
        run = record(str(directory))
        assert (run["status"], run["verdict"]) == ("done", verdict)
        assert run["locust"]["complete"]
        assert (directory / "requests.parquet").stat().st_size > 0
        assert (directory.parent / "summary.json").exists()
        assert (directory.parent / "report.html").exists()
    assert (results / "latest").resolve() == recovered.parent
    assert problems_below(results) == []


def test_several_processes_a_base_path_and_a_signal_under_load(ui: Callable[..., Ui], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with browser(color_scheme="dark") as window, without_errors(window):
        web_ui = ui("--processes", "2", "--web-base-path", "/load", "--html", str(report), base="/load")
        page = window.page
        page.goto(web_ui.url)
        window.start(page, **SMALL, stack="threads", version="py312-2.0.30.post1")
        page.get_by_role("tab", name="uWSGI workers").click()
        window.see("#uwsgi-workers.w-dark svg .w-leaving")
        state = web_ui.until(lambda s: any(row[1] for row in s.get("seconds", [])), "an answer")
        assert web_ui.until(lambda s: s["counts"]["respawns"] >= 2, "respawns")["counts"]["hung"] == 0
    # The browser is closed, but the test continues, and its end writes the results.
    web_ui.end()
    run = record(state["directory"])
    assert run["status"] == "done"
    assert run["locust"]["complete"]
    page_text = report.read_text()
    assert page_text.count('id="uwsgi-workers-report"') == 1
    assert run["verdict"] in page_text.rpartition('id="uwsgi-workers-data"')[2]


def test_the_rows_of_a_process_of_locust_that_is_late_at_the_end_are_there(ui: Callable[..., Ui]) -> None:
    web_ui = ui("--processes", "2", "--users", "8", "--spawn-rate", "8")
    assert web_ui.post("swarm", **FORM | {"stack": "threads", "version": "py312-2.0.30.post1"})["success"]
    state = web_ui.until(lambda s: s.get("counts", {}).get("respawns", 0) >= 2, "respawns")
    late = next(pid for pid in proc.children_of(web_ui.process.pid) if f"requests-{pid}." in open_files(pid))
    os.kill(late, signal.SIGSTOP)
    threading.Timer(6.0, os.kill, (late, signal.SIGCONT)).start()
    web_ui.end()
    run = record(state["directory"])
    assert (run["status"], run["locust"]["complete"]) == ("done", True)


def open_files(pid: int) -> str:
    return " ".join(str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir())


def test_a_stack_that_does_not_start_shows_the_reason_and_start_can_be_pressed_again(ui: Callable[..., Ui]) -> None:
    web_ui = ui("--users", "8", "--spawn-rate", "8")
    # The port is in use, so a second web UI does not start.
    again = [sys.executable, str(ROOT / "locustfiles" / "workers_ui"), "--port", str(web_ui.port)]
    second = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert second.returncode == 1
    assert f"If a web UI is running already, open http://127.0.0.1:{web_ui.port}" in second.stderr

    threads = FORM | {"stack": "threads", "version": "py312-2.0.30.post1"}
    refused = web_ui.post("swarm", **threads | {"workers": "1000000", "user_count": "-1"})
    assert refused["success"] is False
    assert refused["message"].count("is not a whole number") == 2

    # Python 3.12 with pyuwsgi 2.0.22 does not start (unbit/uwsgi#2579).
    assert web_ui.post("swarm", **threads | {"version": "py312-2.0.22"})["success"]
    state = web_ui.until(lambda s: s["error"], "the reason")
    assert "uWSGI did not start: the master" in state["error"]
    assert json.loads(web_ui.get("stats/requests"))["state"] == "ready"

    # Stop during a start that takes 15 s, and Start during that stop.
    assert web_ui.post("swarm", **threads | {"stack": "slow-import"})["success"]
    web_ui.until(lambda s: s["phase"] == "starting" and s["choice"]["stack"] == "slow-import", "a start")
    assert web_ui.post("stop")["success"]
    assert web_ui.post("swarm", **threads)["success"]
    web_ui.until(lambda s: s["phase"] == "loading" and s["choice"]["stack"] == "threads", "the load")
    assert web_ui.post("stop")["success"]
    assert web_ui.post("swarm", **threads)["success"]
    web_ui.until(lambda s: s["phase"] == "loading" and not s["waiting"], "the second load")

    # Ctrl-C during a start, while the results of the run before are written.
    assert web_ui.post("stop")["success"]
    assert web_ui.post("swarm", **threads | {"stack": "slow-import"})["success"]
    web_ui.until(lambda s: s["phase"] == "starting" and s["choice"]["stack"] == "slow-import", "another start")
    web_ui.end(signal.SIGINT)


def test_the_trigger_of_a_stack_works_in_the_web_ui_too(ui: Callable[..., Ui]) -> None:
    """Workers of `reload` recycle when their master is told to, not by load. In `refork`, a master replaces another."""
    web_ui = ui("--users", "8", "--spawn-rate", "8")
    for stack, verdict in (("reload", "recovers"), ("refork", "hung_master")):
        chosen = FORM | {"stack": stack, "version": "py312-2.0.30.post1"}
        assert web_ui.post("swarm", **chosen)["success"]
        web_ui.until(lambda s: s["phase"] == "loading", "the load")
        seen = web_ui.until(lambda s: s["verdict"] or s["counts"]["respawns"] >= 6, "respawns")
        assert seen["choice"]["stack"] == stack
        assert web_ui.post("stop")["success"]
        web_ui.until(lambda s: s["phase"] == "written", "the results")
        run = record(seen["directory"])
        assert (run["verdict"], run["expected"]) == (verdict, verdict)
    web_ui.end()


@contextmanager
def running_uwsgi(uwsgi: Path, python: Path) -> Iterator[tuple[int, int]]:
    """Start uWSGI without the pack. Yield the pid of its master and its port."""
    port = quiet_port()
    placeholders = {"PACK_PORT": port, "PACK_APP": ROOT / "stacks/apps/hello.py", "PACK_WORKERS": 2}
    placeholders |= {"PACK_MAX_REQUESTS": 10, "PACK_BINARY": python}
    master = subprocess.Popen(
        [str(uwsgi), "--ini", str(ROOT / "stacks/threads.ini")],
        env=os.environ | {name: str(value) for name, value in placeholders.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + LIMIT_S
        while len(proc.children_of(master.pid)) < 2:
            assert master.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        yield master.pid, port
        assert master.poll() is None, "the web UI ended the master"
    finally:
        kill_group(master)


@pytest.mark.parametrize(("version", "hangs"), [("py312-2.0.30.post1", False), ("py312-2.0.26", True)])
def test_a_uwsgi_that_is_running_already_is_observed_and_not_changed(
    ui: Callable[..., Ui], venv: Callable[[str], Any], version: str, hangs: bool
) -> None:
    environment = venv(version)
    with running_uwsgi(environment.uwsgi, environment.python) as (pid, port):
        web_ui = ui("--url", f"http://127.0.0.1:{port}", "--pid", str(pid))
        assert web_ui.post("swarm", user_count="4", spawn_rate="4", host=f"http://127.0.0.1:{port}")["success"]
        if hangs:
            web_ui.until(lambda s: s.get("counts", {}).get("hung") == 2, "two hung workers")
            state = web_ui.until(lambda s: s["verdict"], "the verdict")  # it is never visible before its rows
            assert "hung" in {word for _, word, *_ in state["slots"]}
            assert state["verdict"]["verdict"] == "hung_worker"
        else:
            state = web_ui.until(lambda s: s.get("counts", {}).get("respawns", 0) >= 4, "respawns")
            assert state["counts"]["hung"] == 0
        assert web_ui.post("stop")["success"]
        state = web_ui.until(lambda s: s["over"], "its end")
        run = record(state["directory"])
        assert (run["status"], run["locust"]["complete"]) == ("done", True)
        # `recovers` takes 20 respawns, which a test that is late may have seen.
        healthy = "recovers" if run["counts"]["respawns"] >= 20 else "invalid"
        assert run["verdict"] == ("hung_worker" if hangs else healthy)
        assert "too few" in run["reason"] or run["verdict"] != "invalid"
        assert problems_below(Path(state["directory"])) == []
        web_ui.end()
        assert proc.is_alive(pid)
        shutil.rmtree(state["directory"])
