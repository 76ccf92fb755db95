"""Libraries below a fork on real uWSGI: the standard library's rows, two small packages, and the sink of a run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.lifecycle.records import RUN_FILE
from stacks.observe import proc
from stacks.run.run_directory import write_plan
from tests.integration.conftest import left_behind, shell, unless_held_up
from tests.patience import LIMIT_S, until

ROOT = catalogue.ROOT


def libraries(results: Path, *arguments: str) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """Run `python -m stacks libraries`; return its exit code, what it said, and run.json of each library and stack."""
    command = shlex.join([sys.executable, "-m", "stacks", "libraries", "--trials=1", *arguments])
    done = unless_held_up(lambda: shell(command), results)
    directory = (results / "latest").resolve()
    assert problems_below(results) == []
    assert left_behind(directory) == []
    cells = json.loads((directory / "campaign.json").read_text())["cells"]
    runs = {
        f"{cell['variant']} {cell['stack']}": json.loads((directory / run_id / RUN_FILE).read_text())
        for cell in cells
        for run_id in cell["runs"]
    }
    return done.returncode, done.stdout + done.stderr, runs


def test_the_standard_library_and_two_packages_have_the_verdicts_that_were_seen(
    results: Path, venv: Callable[[str], venvs.Venv]
) -> None:
    venv("py312-2.0.30.post1")
    names = "stdlib_thread_pool,stdlib_asyncio_thread,stdlib_timer,stdlib_shutdown_join,apscheduler,datadog"
    code, said, runs = libraries(results, f"--name={names}", "--mode=preforking")
    assert code == 0, said
    verdicts = {name.split()[0]: run["verdict"] for name, run in runs.items()}
    assert verdicts["stdlib_thread_pool"] == verdicts["stdlib_asyncio_thread"] == "hung_request"
    assert verdicts["stdlib_shutdown_join"] == "hung_exit"
    assert verdicts["apscheduler_background"] in ("hung_exit", "hung_worker", "hung_request")
    assert {verdicts["stdlib_timer"], verdicts["datadog_statsd"]} <= {"hung_worker", "recovers"}
    assert all(run["at_ready"]["master_threads"] > 1 for run in runs.values())
    assert runs["datadog_statsd threads"]["items"]["arrived"] == 0
    page = (results / "latest" / "libraries.md").read_text()
    assert "**hung_request** " in page
    assert f"page: {(results / 'latest').resolve() / 'libraries.md'}" in said
    assert "lost" in said


def test_items_arrive_with_lazy_apps_and_are_lost_below_a_fork(
    results: Path, venv: Callable[[str], venvs.Venv]
) -> None:
    venv("py312-2.0.30.post1")
    code, said, runs = libraries(results, "--name=stdlib_queue_listener", "--mode=preforking,lazy-apps")
    assert code == 0, said
    lost, delivered = (runs[f"stdlib_queue_listener {stack}"]["items"] for stack in ("threads", "threads-lazy"))
    assert (lost["arrived"], lost["sent"] >= 320) == (0, True)
    assert delivered["lived_on"]["arrived"] == delivered["lived_on"]["sent"] > 0
    assert delivered["arrived"] <= delivered["sent"]


@pytest.mark.parametrize("victim", ["observer", "guard"])
def test_a_killed_run_leaves_no_sink(victim: str, tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> None:
    environment = venv("py312-2.0.30.post1")
    directory = tmp_path / "run"
    directory.mkdir()
    numbers = {"users": 4, "duration_s": 60.0, "workers": 2, "max_requests": 10, "respawns": 999, "sink": "items"}
    numbers |= {"start_limit_s": 60.0, "limit_s": 120.0, "patient": False}
    app = catalogue.APPS / "libraries" / "stdlib_queue_listener.py"
    paths = {"uwsgi": environment.uwsgi, "python": environment.python, "ini": catalogue.STACKS / "threads.ini"}
    write_plan(directory, numbers, paths | {"app": app, "scenario": catalogue.SCENARIOS / "steady.py"})
    command = [sys.executable, "-m", "stacks", "run", str(directory)]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **quiet) as guard:
        below = wait_for_sink(guard.pid)
        (observer,) = proc.children_of(guard.pid)
        os.kill(observer if victim == "observer" else guard.pid, signal.SIGKILL)
        guard.wait(LIMIT_S)
    until(lambda: not any(map(is_running, below)), "a process of the run lives on")
    assert left_behind(directory) == []


def wait_for_sink(guard: int) -> list[int]:
    """Return the processes below the guard, once the sink and the workers of uWSGI are among them."""
    end = time.monotonic() + LIMIT_S
    while True:
        below = proc.descendants(guard)
        commands = [command_line(pid) for pid in below]
        if any("stacks.run.sink" in text for text in commands) and sum("uwsgi" in text for text in commands) >= 3:
            return below
        assert time.monotonic() < end, commands
        time.sleep(0.05)


def command_line(pid: int) -> str:
    try:
        return (proc.PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    entry = proc.stat(pid)
    return entry is not None and entry.state != "Z"
