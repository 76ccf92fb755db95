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

from .test_check import ANSWERS, NEW, PLAIN, Checking, Done, checking, snapshot

__all__ = ["checking"]  # the fixture

ALL_IN_INI = (
    "touch-reload = {folder}/reload\ntouch-workers-reload = {folder}/workers\ntouch-chain-reload = {folder}/chain\n"
    "master-fifo = {folder}/fifo\nmax-worker-lifetime = 3600\nreload-on-rss = 300\nharakiri = 30\ncheaper = 1\n"
    "idle = 60\n"
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
    switched_on = (
        "max-requests max-worker-lifetime reload-on-rss harakiri cheaper idle touch-reload touch-workers-reload"
    )
    fifo = "touch-chain-reload fifo-c fifo-w fifo-W fifo-r fifo-R fifo-q fifo-Q"
    every_stack = "worker-kill worker-segv worker-term hup int term quit"
    assert set(found) == set(f"{switched_on} {fifo} {every_stack}".split())
    reloads = [way for way in found.values() if way["kind"] == "reload"]
    assert all(way["new_code"] and way["replaced"] == 2 for way in reloads), reloads
    assert found["harakiri"]["lost"]
    names = [case.get("name") for case in done.suite.iter("testcase")]
    assert "comes back: touch-reload" in names


def test_a_reload_that_dies_for_want_of_binary_path_is_seen_and_the_line_that_cures_it_is_told(
    checking: Checking, venv: Callable[[str], venvs.Venv]
) -> None:
    done = checking(PLAIN + "touch-reload = /nowhere\n", ways="touch-reload")
    assert (done.code, done.value["verdict"]) == (3, "dead_master"), done.said
    assert verdicts(done) == {"max-requests": "recovers", "touch-reload": "dead_master"}
    assert "Does NOT come back: touch-reload (dead_master" in done.said
    assert done.value["best_change"]["lines"] == [binary_path(venv).strip()]
    (tried,) = done.value["tried_changes"]
    assert (tried["helps"], [way["name"] for way in tried["ways"]]) == (True, ["touch-reload"])
    assert "with the change touch-reload comes back" in done.said
