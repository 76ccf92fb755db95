"""`watch` with its companions on real uWSGI: Prometheus sees the alert, the recording tells the same, healing stops."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below

from stacks.catalogue import ROOT
from stacks.observe import proc, tcp_table
from tests.patience import LIMIT_S, until
from tests.quiet_port import quiet_port

from .browser import browser
from .ui_process import kill_group

DEPLOY = ROOT / "stacks/watch/deploy"
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's own pipes


@contextmanager
def running_uwsgi(environment: Any, *, max_requests: int, name: str) -> Iterator[tuple[int, int]]:
    """Start uWSGI without the pack, from a file of this name. Yield the pid of its master and its port."""
    port = quiet_port()
    ini = Path(name)
    ini.write_text((ROOT / "stacks/threads.ini").read_text().replace("%dbase.ini", str(ROOT / "stacks/base.ini")))
    placeholders = {"PACK_PORT": port, "PACK_APP": ROOT / "stacks/apps/hello.py", "PACK_WORKERS": 4}
    placeholders |= {"PACK_MAX_REQUESTS": max_requests, "PACK_BINARY": environment.python}
    master = subprocess.Popen(
        [str(environment.uwsgi), "--ini", str(ini)],
        env=os.environ | {name: str(value) for name, value in placeholders.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: len(proc.children_of(master.pid)) == 4 and tcp_table.backlog(port) is not None, "the workers")
        yield master.pid, port
        assert master.poll() is None, "the watcher ended the master"
    finally:
        kill_group(master)


def ask(port: int, count: int) -> None:
    """Send requests one after the other; one that a hung instance does not answer ends them."""
    for _ in range(count):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
                answer.read()
        except OSError:
            return


class Watcher:
    """A `watch --json` that is running."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.output, self.notices = directory / "changes.jsonl", directory / "notices"
        with self.output.open("wb") as output, self.notices.open("wb") as notices:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stacks", "watch", "--json", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=notices,
                start_new_session=True,
            )

    def changes(self, kind: str) -> list[dict[str, Any]]:
        lines = self.output.read_text().splitlines(keepends=True)
        rows = [json.loads(line) for line in lines if line.endswith("\n")]
        return [row for row in rows if row["kind"] == kind]

    def said(self) -> str:
        return self.notices.read_text()

    def until(self, look: Callable[[], object], what: str) -> None:
        until(lambda: look() or self.process.poll() is not None, f"{what}: {self.said()}")
        assert look(), f"{what}: {self.said()}"

    def metrics_url(self) -> str:
        self.until(lambda: "the metrics are at" in self.said(), "the metrics")
        return re.search(r"the metrics are at (\S+)", self.said())[1]  # type: ignore[index]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start(*arguments: str) -> Watcher:
        started.append(Watcher(tmp_path, *arguments))
        return started[-1]

    yield start
    for one in started:
        kill_group(one.process)


@contextmanager
def prometheus(directory: Path, target: str) -> Iterator[int]:
    """Run a real Prometheus that scrapes `target` with the pack's rules. Yield its port."""
    port = quiet_port()
    shutil.copy(DEPLOY / "alerts.yml", directory)
    configuration = (DEPLOY / "prometheus.yml").read_text().replace("127.0.0.1:9117", target).replace("15s", "1s")
    (directory / "prometheus.yml").write_text(configuration)
    command = ["prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, start_new_session=True
        )
    try:
        until(lambda: tcp_table.backlog(port) is not None or process.poll() is not None, "Prometheus")
        assert process.poll() is None, (directory / "prometheus.log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def api(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=LIMIT_S) as answer:
        return json.loads(answer.read())["data"]


def firing(port: int) -> dict[str, dict[str, Any]]:
    return {one["labels"]["alertname"]: one for one in api(port, "alerts")["alerts"] if one["state"] == "firing"}


def empty_panels(port: int) -> set[str]:
    """Return the titles of the dashboard's panels that Prometheus has nothing for."""
    empty = set()
    for panel in json.loads((DEPLOY / "dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$config", ".*").replace("$__rate_interval", "1m")
            if not api(port, f"query?{urllib.parse.urlencode({'query': query})}")["result"]:
                empty.add(panel["title"])
    return empty - {"What the watcher cannot see"}  # root sees everything


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_prometheus_sees_the_alert_fire_while_workers_hang(
    venv: Callable[[str], Any], watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    with running_uwsgi(venv("py312-2.0.26"), max_requests=20, name=str(tmp_path / "shop.ini")) as (pid, port):
        watch = watcher("--pid", str(pid), "--metrics", "0")
        target = watch.metrics_url().removeprefix("http://").removesuffix("/metrics")
        with prometheus(tmp_path, target) as prometheus_port:
            until(lambda: api(prometheus_port, "query?query=uwsgi_master_up")["result"], "a scrape")
            (one,) = api(prometheus_port, "targets")["activeTargets"]
            assert one["health"] == "up", one["lastError"]
            assert "UwsgiWorkersHung" not in firing(prometheus_port)
            until(lambda: ask(port, 10) or "UwsgiWorkersHung" in firing(prometheus_port), "the alert")
            alert = firing(prometheus_port)["UwsgiWorkersHung"]
            assert alert["labels"]["config"] == "shop.ini"
            assert alert["labels"]["master"] == str(pid)
            outage = "UwsgiAllWorkersHung"
            until(lambda: ask(port, 10) or outage in firing(prometheus_port), "the alert of a total outage")
            until(lambda: not empty_panels(prometheus_port), "series for each panel of the dashboard")
        code = watch.end()
        assert code in (3, 130)
        assert "Traceback" not in watch.said()


def test_healing_ends_hung_workers_only_and_stops_when_the_new_one_hangs(
    venv: Callable[[str], Any], watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    with running_uwsgi(venv("py312-2.0.26"), max_requests=30, name=str(tmp_path / "app.ini")) as (pid, port):
        healthy_before = set(proc.children_of(pid))
        facts, recording = tmp_path / "facts", tmp_path / "recording"
        code = f"import os; open({str(facts)!r}, 'a').write(os.environ['HANG_PID'] + os.linesep)"
        command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
        watch = watcher("--pid", str(pid), "--record", str(recording), "--on-hang", command, "--heal", "--metrics", "0")
        url = watch.metrics_url()
        watch.until(lambda: watch.changes("watching"), "the watching")
        assert "SIGKILL" in watch.said()  # it says before what it will do
        while not watch.changes("worker_forked"):
            ask(port, 1)
        watch.until(lambda: "it stops here" in watch.said(), "the end of the healing")
        hung = [row["pid"] for row in watch.changes("worker_hung")]
        killed = [row for row in watch.changes("worker_ended") if row.get("signal") == signal.SIGKILL]
        assert len(killed) == 1
        assert killed[0]["pid"] in hung
        assert not {row["pid"] for row in killed} & healthy_before
        assert "upgrade it" in watch.said()
        with urllib.request.urlopen(url) as answer:  # noqa: S310 - a loopback address
            text = answer.read().decode()
        assert re.search(r"^uwsgi_watch_healed_workers_total\{.*\} 1\.0$", text, re.MULTILINE)
        assert re.search(r"^uwsgi_watch_healing_stopped\{.*\} 1\.0$", text, re.MULTILINE)
        watch.until(  # others may hang until then
            lambda: (
                facts.exists()
                and sorted(map(int, facts.read_text().split()))
                == sorted(row["pid"] for row in watch.changes("worker_hung"))
            ),
            "the command for each hang",
        )
        watch.end()
        assert "Traceback" not in watch.said()
    assert (recording / "report.html").exists()
    assert "cannot be made" not in watch.said()
    (path,) = recording.glob("watch-*/run.json")
    run = json.loads(path.read_text())
    assert (run["status"], run["verdict"]) == ("done", "hung_worker")
    assert problems_below(recording) == []


def test_a_recording_is_read_as_a_load_test_and_its_page_shows_no_markup(
    venv: Callable[[str], Any], watcher: Callable[..., Watcher], tmp_path: Path
) -> None:
    name = "<img src=x onerror=window.stolen=1>.ini"
    with running_uwsgi(venv("py312-2.0.30.post1"), max_requests=20, name=str(tmp_path / name)) as (pid, port):
        recording = tmp_path / "recording"
        watch = watcher("--pid", str(pid), "--record", str(recording), "--heal")
        watch.until(lambda: watch.changes("watching"), "the watching")

        def are_ready() -> bool:
            ask(port, 20)
            return len(watch.changes("worker_ready")) >= 4

        watch.until(are_ready, "the respawned workers")
        assert watch.end(signal.SIGINT) in (0, 130)
    assert "ended worker" not in watch.said()
    assert (recording / "report.html").exists()
    assert "cannot be made" not in watch.said()
    (path,) = recording.glob("watch-*/run.json")
    run = json.loads(path.read_text())
    assert (run["status"], run["verdict"]) == ("done", "recovers")
    assert run["counts"]["respawns"] >= 4
    assert problems_below(recording) == []
    code = f"from analysis.frames.results import load; r = load({str(recording)!r})"
    code += "; print(len(r.episodes), len(r.left_out))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    episodes, left_out = map(int, done.stdout.split())
    assert episodes >= 8
    assert left_out == 0
    with browser() as window:
        window.page.goto((recording / "report.html").as_uri())
        assert "<img src=x" in window.page.locator("body").inner_text()
        assert window.page.evaluate("window.stolen") is None
        assert window.page.locator("img[src=x]").count() == 0
