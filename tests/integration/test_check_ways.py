"""Every way out and back of real uWSGI: which come back, which do not, and that nothing of the user's is touched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stacks.catalogue import venvs

from .conftest import ROOT
from .test_check import ANSWERS, NEW, PLAIN, Checking, Done, checking, snapshot

__all__ = ["checking"]  # the fixture

ALL_IN_INI = (
    "touch-reload = {folder}/reload\ntouch-workers-reload = {folder}/workers\ntouch-chain-reload = {folder}/chain\n"
    "master-fifo = {folder}/fifo\nmax-worker-lifetime = 3600\nreload-on-rss = 300\nharakiri = 30\n"
)


def ways(done: Done) -> dict[str, dict[str, Any]]:
    return {way["name"]: way for way in done.value["ways"]}


def verdicts(done: Done) -> dict[str, str]:
    return {name: way["verdict"] for name, way in ways(done).items()}


def binary_path(venv: Callable[[str], venvs.Venv], version: str = NEW) -> str:
    return f"binary-path = {venv(version).uwsgi.parent / 'python'}\n"


def test_every_way_of_a_healthy_configuration_and_nothing_of_the_users_is_touched(
    checking: Checking, venv: Callable[[str], venvs.Venv], tmp_path: Path
) -> None:
    """A decoy runs as the user's instance: its signals, its watched files and its fifo stay as they are."""
    live = tmp_path / "live"
    live.mkdir()
    for name in ("reload", "workers", "chain"):
        (live / name).write_text("theirs")
    os.mkfifo(live / "fifo")
    code = "import signal, sys\nprint('up', flush=True)\nprint(signal.sigwait(list(signal.Signals)[:31]), flush=True)"
    masked = f"import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, list(signal.Signals)[:31])\n{code}"
    decoy = subprocess.Popen(["uwsgi", "-c", masked], executable=sys.executable, stdout=subprocess.PIPE)
    try:
        assert decoy.stdout is not None
        assert decoy.stdout.readline() == b"up\n"
        config = PLAIN + binary_path(venv) + "lazy-apps = true\n" + ALL_IN_INI.format(folder=live)
        wait = "    time.sleep(9 * (e['PATH_INFO'] == '/slow'))\n"
        slow = "import time\n" + ANSWERS.replace("(e, s):\n", f"(e, s):\n{wait}")
        before = snapshot(live)
        done = checking(config, "--slow-url=/slow", app=slow, ways="all")
        assert snapshot(live) == before
        assert decoy.poll() is None
        os.kill(decoy.pid, signal.SIGUSR1)  # the first signal that it gets
        assert decoy.stdout.readline().startswith(str(int(signal.SIGUSR1)).encode())
    finally:
        decoy.kill()
        decoy.communicate()
    assert done.code == 0, done.said
    found = ways(done)
    assert set(verdicts(done).values()) == {"recovers"}, done.said
    assert set(found) == {
        *("max-requests", "max-worker-lifetime", "reload-on-rss", "harakiri", "touch-reload", "touch-workers-reload"),
        *("touch-chain-reload", "fifo-c", "fifo-w", "fifo-r", "worker-kill", "worker-segv", "worker-term", "hup"),
        *("int", "term", "quit"),
    }
    reloads = [way for way in found.values() if way["kind"] == "reload"]
    assert all(way["new_code"] and way["replaced"] == 2 for way in reloads), reloads
    assert found["touch-chain-reload"]["nothing_s"] < found["touch-workers-reload"]["nothing_s"]
    assert found["harakiri"]["lost"]
    names = [case.get("name") for case in done.suite.iter("testcase")]
    assert "comes back: touch-reload" in names


def test_a_reload_that_dies_for_want_of_binary_path_is_seen(checking: Checking) -> None:
    done = checking(PLAIN + "touch-reload = /nowhere\n", ways="reload")
    assert done.code == 3, done.said
    found = verdicts(done)
    assert found == {"max-requests": "recovers"} | dict.fromkeys(("hup", "touch-reload", "quit"), "dead_master")
    assert done.value["verdict"] == "dead_master"
    assert ways(done)["hup"]["nothing_s"] > 0
    assert "Does NOT come back:" in done.said


def test_a_workers_reload_serves_the_old_code_that_the_master_had_loaded(
    checking: Checking, venv: Callable[[str], venvs.Venv]
) -> None:
    config = PLAIN + binary_path(venv) + "touch-workers-reload = /nowhere\n"
    done = checking(config, ways="touch-workers-reload,hup")
    assert done.code == 0, done.said
    assert (ways(done)["touch-workers-reload"]["new_code"], ways(done)["hup"]["new_code"]) == (False, True)
    assert "OLD code" in done.said


def test_a_reload_that_freezes_serves_on_with_the_old_workers(
    checking: Checking, venv: Callable[[str], venvs.Venv]
) -> None:
    version = "py312-2.0.27.post1"
    done = checking(PLAIN + binary_path(venv, version), version=version, ways="hup,int")
    assert (done.code, verdicts(done)["hup"]) == (3, "hung_master"), done.said
    assert ways(done)["hup"]["lost"] == {}
    assert verdicts(done)["int"] == "recovers"


def test_a_word_that_is_no_way_is_a_usage_error() -> None:
    done = subprocess.run(
        [sys.executable, *"-m stacks check --ini x --ways touch-relaod".split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "did you mean touch-reload" in done.stderr) == (2, True)
