"""Readers of /proc: this process, children, and processes that do not exist."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest
from contexts import python

from stacks.observe import proc
from tests.patience import until

BUSY = "print('up')\nwhile True: pass"


ZOMBIE_LEADER = """
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(60)).start()
print('up')
ctypes.CDLL(None).syscall(60, 0)  # exit(2): this thread alone
"""


GONE = 2**22 + 1  # above pid_max


def test_the_values_of_this_process() -> None:
    own = proc.stat(os.getpid())
    assert own is not None
    assert (own.ppid, own.state) == (os.getppid(), "R")
    assert own.ticks > 0
    assert own.rss_kib > 1000
    assert 0 < proc.pss_kib(os.getpid()) <= own.rss_kib * 2
    time.sleep(0.001)  # a process that has never waited has none
    assert proc.voluntary_switches(os.getpid()) > 0
    assert len(proc.tasks(os.getpid()) or []) == own.threads
    assert proc.is_alive(os.getpid())


def test_a_name_with_spaces_and_brackets_does_not_shift_the_fields(tmp_path: Path) -> None:
    program = tmp_path / "a) R (b"
    program.symlink_to(Path(sys.executable).resolve())
    child = subprocess.Popen([program, "-S", "-c", "input()"], stdin=subprocess.PIPE, env={})
    try:
        until(lambda: "a) R (b" in (proc.PROC / str(child.pid) / "comm").read_text())
        entry = proc.stat(child.pid)
        assert entry is not None
        assert entry.ppid == os.getpid()
    finally:
        child.communicate(b"\n")


def test_a_process_that_does_not_exist_raises_no_error() -> None:
    assert proc.stat(GONE) is None
    assert proc.tasks(GONE) is None
    assert proc.voluntary_switches(GONE) == 0
    assert proc.pss_kib(GONE) == -1
    assert proc.living_thread(GONE) == GONE
    assert not proc.is_alive(GONE)


def test_a_busy_process_runs_and_its_ticks_grow() -> None:
    with python(BUSY) as child:
        until(lambda: proc.tasks(child.pid) == [("R", "running")])
        before = proc.stat(child.pid)
        until(lambda: (now := proc.stat(child.pid)) and before and now.ticks > before.ticks)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="exit is 60 on x86_64")
def test_a_process_lives_while_a_thread_outlives_the_main_thread() -> None:
    with python(ZOMBIE_LEADER) as child:
        until(lambda: (entry := proc.stat(child.pid)) is not None and entry.state == "Z")
        thread = proc.living_thread(child.pid)
        assert thread != child.pid
        assert (proc.PROC / str(child.pid) / "task" / str(thread)).exists()
        assert proc.is_alive(child.pid)
        child.kill()
        until(lambda: not proc.is_alive(child.pid))


def test_the_voluntary_switches_of_all_threads_are_added_up() -> None:
    code = "import threading, time; e = threading.Event(); threading.Thread(target=e.wait).start(); print('up')"
    with python(code + "\nfor _ in range(40): time.sleep(0.001)\ntime.sleep(60)") as child:
        until(lambda: proc.voluntary_switches(child.pid) > 40)
    assert proc.voluntary_switches(GONE) == 0


def test_descendants_include_grandchildren() -> None:
    code = (
        "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE);"
        "print(c.pid); c.wait()"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, bufsize=1)
    grandchild = 0
    try:
        until(lambda: proc.descendants(child.pid))
        (grandchild,) = proc.descendants(child.pid)
        assert {child.pid, grandchild} <= set(proc.descendants(os.getpid()))
        assert grandchild not in proc.children()[os.getpid()]
    finally:
        child.kill()
        child.communicate()
        if grandchild:
            until(lambda: not proc.is_alive(grandchild))  # its standard input is closed, so it ends


def test_a_process_that_ends_during_the_look_raises_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder was there a moment ago: the look must not ask twice."""
    monkeypatch.setattr(Path, "is_dir", lambda _path: True)
    assert proc.voluntary_switches(GONE) == 0
