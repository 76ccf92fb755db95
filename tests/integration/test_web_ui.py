"""`make ui` in a real browser, on real uWSGI: a hang appears, another stack recovers, and nothing is left behind."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
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
from stacks.observe import proc
from stacks.run.run import free_port

from .browser import browser, text_of
from .conftest import left_behind

LIMIT_S = 60.0
SMALL = {"userCount": "16", "spawnRate": "16", "workers": "4"}
FORM = {"user_count": "8", "spawn_rate": "8", "host": "", "workers": "2", "max_requests": "10", "threads": "0"}
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's own pipes


@dataclass
class Ui:
    """A web UI that runs."""

    process: subprocess.Popen[bytes]
    port: int
    base: str
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base}/"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.get("workers/state")))

    def post(self, path: str, **form: str) -> dict[str, Any]:
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.url + path, data, timeout=30) as answer:  # noqa: S310 - ours
            return dict(json.loads(answer.read()))

    def until(self, look: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        end = time.monotonic() + LIMIT_S
        while not look(state := self.state()):
            assert time.monotonic() < end, f"{what}: {state.get('phase')} {state.get('error')} {self.log.read_text()}"
            time.sleep(0.1)
        return state

    def end(self, number: int = signal.SIGTERM) -> None:
        """Signal it once; afterwards nothing of it may be there."""
        self.process.send_signal(number)
        assert self.process.wait(LIMIT_S) == 0
        assert "Traceback" not in self.log.read_text()
        assert proc.backlog(self.port) is None


@pytest.fixture
def ui(tmp_path: Path, venv: Callable[[str], object], results: Path) -> Iterator[Callable[..., Ui]]:
    """Start web UIs; what one leaves behind fails the test."""
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    started: list[Ui] = []

    def start(*arguments: str, base: str = "") -> Ui:
        port = free_port()
        log = tmp_path / f"ui-{port}.log"
        command = [sys.executable, str(ROOT / "locustfiles" / "workers_ui"), "--port", str(port), *arguments]
        with log.open("wb") as output:
            made = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        started.append(Ui(made, port, base, log))
        end = time.monotonic() + LIMIT_S
        while proc.backlog(port) is None:
            assert made.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        return started[-1]

    yield start
    for made in started:
        if made.process.poll() is None:
            os.killpg(made.process.pid, signal.SIGKILL)
            made.process.wait()
    assert left_behind(results) == []


def record(directory: str) -> dict[str, Any]:
    return dict(json.loads((Path(directory) / "run.json").read_text()))


@contextmanager
def unharmed(page: Any) -> Iterator[None]:
    yield
    assert page.wrong == []


def test_a_hang_appears_and_another_version_recovers(ui: Callable[..., Ui], results: Path) -> None:
    with browser() as shown, unharmed(shown):
        made = ui()
        page = shown.page
        page.goto(made.url)
        # Python 3.12 with pyuwsgi 2.0.22 does not start (unbit/uwsgi#2579): a reason, and the form again.
        fields = page.locator("form [name]").evaluate_all("all => all.map(one => one.name)")
        assert fields[-5:] == ["stack", "version", "workers", "maxRequests", "threads"]
        shown.start(page, **SMALL, stack="threads", version="py312-2.0.22")
        assert "could not be started" in shown.see("#uwsgi-note.w-note-bad")
        shown.see("form button:has-text('Start')")
        shown.start(page, **SMALL, stack="threads", version="py312-2.0.26")
        page.get_by_role("tab", name="Workers").click()
        assert "hung_worker" in shown.see(
            ".w-verdict:has-text('hung_worker')"
        )  # that of the run before stands a moment
        page.locator("svg .w-hatch").nth(3).wait_for(timeout=1000 * LIMIT_S)  # the first is verdict enough
        assert "✕ hung" in shown.see(".w-now-hung")
        # The waits may have proven it before gdb was done.
        shown.see(".w-verdict code:has-text('take_gil')" if shutil.which("gdb") else ".w-verdict code")
        light = page.locator("#uwsgi-workers").evaluate("e => getComputedStyle(e).backgroundColor")
        page.locator(".MuiAppBar-root button:visible").last.click()
        shown.see("#uwsgi-workers.w-dark")
        assert page.locator("#uwsgi-workers").evaluate("e => getComputedStyle(e).backgroundColor") != light
        shown.press("Stop")
        hung = Path(shown.see(".w-results code"))

        shown.press("New")
        shown.start(page.locator(".MuiModal-root"), version="py312-2.0.30.post1")
        made.until(lambda s: s.get("counts", {}).get("respawns", 0) >= 20, "20 respawns")
        page.reload()  # the address names the tab
        assert "py312-2.0.30.post1" in shown.see(".w-head h2")
        with page.expect_download() as download:
            page.get_by_role("link", name="Download CSV").click()
        rows = list(csv.DictReader(io.StringIO(text_of(download.value))))
        assert sum(row["outcome"] == "ready" and row["generation"] != "0" for row in rows) >= 20
        shown.press("Stop")
        verdict = shown.see(".w-verdict.w-good")
        assert "recovers" in verdict
        assert shown.see(".w-tile:has-text('Came back') small").split()[1] in verdict.split()
        recovered = Path(shown.see(".w-results code"))

        page.goto(made.url + "stats/report?theme=dark")
        assert "recovers" in shown.see("#uwsgi-workers-report.w-dark .w-verdict")
        assert shown.see("#root h2, #root h1, #root h4")
    made.end(signal.SIGINT)

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
    with browser(color_scheme="dark") as shown, unharmed(shown):
        made = ui("--processes", "2", "--web-base-path", "/load", "--html", str(report), base="/load")
        page = shown.page
        page.goto(made.url)
        shown.start(page, **SMALL, stack="threads", version="py312-2.0.30.post1")
        page.get_by_role("tab", name="uWSGI workers").click()
        shown.see("#uwsgi-workers.w-dark svg .w-leaving")
        state = made.until(lambda s: any(row[1] for row in s.get("seconds", [])), "an answer")
        assert made.until(lambda s: s["counts"]["respawns"] >= 2, "respawns")["counts"]["hung"] == 0
    # The browser is closed, the test goes on, and ends with its results.
    made.end()
    run = record(state["directory"])
    assert run["status"] == "done"
    assert run["locust"]["complete"]
    page_text = report.read_text()
    assert page_text.count('id="uwsgi-workers-report"') == 1
    assert run["verdict"] in page_text.rpartition('id="uwsgi-workers-data"')[2]


def test_what_does_not_start_is_a_reason_and_start_stays_usable(ui: Callable[..., Ui]) -> None:
    made = ui("--users", "8", "--spawn-rate", "8")
    # No such port for Locust a second time.
    again = [sys.executable, str(ROOT / "locustfiles" / "workers_ui"), "--port", str(made.port)]
    twice = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert twice.returncode == 1
    assert f"a web UI was started before, it is at http://127.0.0.1:{made.port}" in twice.stderr

    threads = FORM | {"stack": "threads", "version": "py312-2.0.30.post1"}
    absurd = made.post("swarm", **threads | {"workers": "1000000", "user_count": "-1"})
    assert absurd["success"] is False
    assert absurd["message"].count("is not a whole number") == 2

    # Python 3.12 with pyuwsgi 2.0.22 does not start (unbit/uwsgi#2579).
    assert made.post("swarm", **threads | {"version": "py312-2.0.22"})["success"]
    state = made.until(lambda s: s["error"], "the reason")
    assert "uWSGI did not come up: the master" in state["error"]
    assert json.loads(made.get("stats/requests"))["state"] == "ready"

    # Stop during a start that takes 15 s, and Start during that stop.
    assert made.post("swarm", **threads | {"stack": "slow-import"})["success"]
    made.until(lambda s: s["phase"] == "starting" and s["choice"]["stack"] == "slow-import", "a start")
    assert made.post("stop")["success"]
    assert made.post("swarm", **threads)["success"]
    made.until(lambda s: s["phase"] == "loading" and s["choice"]["stack"] == "threads", "the load")
    assert made.post("stop")["success"]
    assert made.post("swarm", **threads)["success"]
    made.until(lambda s: s["phase"] == "loading" and not s["waiting"], "the second load")

    # Ctrl-C in the middle of a start, with the load before it just being written.
    assert made.post("stop")["success"]
    assert made.post("swarm", **threads | {"stack": "slow-import"})["success"]
    made.until(lambda s: s["phase"] == "starting" and s["choice"]["stack"] == "slow-import", "another start")
    made.end(signal.SIGINT)


def test_what_a_stack_is_asked_to_do_happens_in_the_ui_as_well(ui: Callable[..., Ui]) -> None:
    """Workers of `reload` recycle when their master is asked, not by load; and one master may replace another."""
    made = ui("--users", "8", "--spawn-rate", "8")
    for stack, verdict in (("reload", "recovers"), ("refork", "hung_master")):
        chosen = FORM | {"stack": stack, "version": "py312-2.0.30.post1"}
        assert made.post("swarm", **chosen)["success"]
        made.until(lambda s: s["phase"] == "loading", "the load")
        seen = made.until(lambda s: s["verdict"] or s["counts"]["respawns"] >= 6, "respawns")
        assert seen["choice"]["stack"] == stack
        assert made.post("stop")["success"]
        made.until(lambda s: s["phase"] == "written", "the results")
        run = record(seen["directory"])
        assert (run["verdict"], run["expected"]) == (verdict, verdict)
    made.end()


@contextmanager
def by_hand(uwsgi: Path, python: Path) -> Iterator[tuple[int, int]]:
    """A stack that somebody else runs: its master's pid and its port."""
    port = free_port()
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
        assert master.poll() is None, "it was ended"
    finally:
        os.killpg(master.pid, signal.SIGKILL)
        master.wait()


@pytest.mark.parametrize(("version", "hangs"), [("py312-2.0.30.post1", False), ("py312-2.0.26", True)])
def test_a_stack_of_somebody_else_is_watched_and_left_alone(
    ui: Callable[..., Ui], venv: Callable[[str], Any], version: str, hangs: bool
) -> None:
    environment = venv(version)
    with by_hand(environment.uwsgi, environment.python) as (pid, port):
        made = ui("--url", f"http://127.0.0.1:{port}", "--pid", str(pid))
        assert made.post("swarm", user_count="4", spawn_rate="4", host=f"http://127.0.0.1:{port}")["success"]
        if hangs:
            made.until(lambda s: s.get("counts", {}).get("hung") == 2, "two hung workers")
            state = made.until(lambda s: s["verdict"], "the verdict")  # never before its rows
            assert "hung" in {word for _, word, *_ in state["slots"]}
            assert state["verdict"]["verdict"] == "hung_worker"
        else:
            state = made.until(lambda s: s.get("counts", {}).get("respawns", 0) >= 4, "respawns")
            assert state["counts"]["hung"] == 0
        assert made.post("stop")["success"]
        state = made.until(lambda s: s["over"], "its end")
        run = record(state["directory"])
        assert (run["status"], run["locust"]["complete"]) == ("done", True)
        assert run["verdict"] == ("hung_worker" if hangs else "invalid")  # fewer respawns than health takes
        assert "too few" in run["reason"] or hangs
        assert problems_below(Path(state["directory"])) == []
        made.end()
        assert proc.is_alive(pid)
        shutil.rmtree(state["directory"])
