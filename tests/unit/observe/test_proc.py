"""What /proc tells: of this process, of children that wait in known ways, of ports and of what has gone."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from contexts import python, until

from stacks.observe import proc, waits

FUTEX = "import threading; lock = threading.Lock(); lock.acquire(); print('up'); lock.acquire()"
TIMED = "import threading; lock = threading.Lock(); lock.acquire(); print('up'); lock.acquire(timeout=60)"
SLEEP = "import time; print('up'); time.sleep(60)"
BUSY = "print('up')\nwhile True: pass"
ZOMBIE_LEADER = """
import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(60)).start()
print('up')
ctypes.CDLL(None).syscall(60, 0)  # exit(2): this thread alone
"""
GONE = 2**22 + 1  # above pid_max


def thread_waits(pid: int) -> list[str]:
    return [wait for _, wait in proc.tasks(pid) or []]


def test_of_this_process() -> None:
    own = proc.stat(os.getpid())
    assert own is not None
    assert (own.ppid, own.state) == (os.getppid(), "R")
    assert own.ticks > 0
    assert own.rss_kib > 1000
    assert 0 < proc.pss_kib(os.getpid()) <= own.rss_kib * 2
    assert proc.voluntary_switches(os.getpid()) > 0
    assert len(proc.tasks(os.getpid()) or []) == own.threads
    assert proc.is_alive(os.getpid())


def test_a_name_with_blanks_and_brackets_does_not_shift_the_fields(tmp_path: Path) -> None:
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


def test_what_has_gone_is_none_and_no_error() -> None:
    assert proc.stat(GONE) is None
    assert proc.tasks(GONE) is None
    assert proc.voluntary_switches(GONE) == 0
    assert proc.pss_kib(GONE) == -1
    assert waits.wait_of(proc.PROC / str(GONE)) == "?"
    assert proc.living_thread(GONE) == GONE
    assert not proc.is_alive(GONE)


@pytest.mark.skipif(waits.FUTEX_SYSCALL is None, reason="the number of futex is not known here")
@pytest.mark.parametrize(("code", "wait"), [(FUTEX, "futex"), (TIMED, "futex-timed")])
def test_a_wait_for_a_lock_is_told_with_and_without_a_limit(code: str, wait: str) -> None:
    with python(code) as child:
        until(lambda: thread_waits(child.pid) == [wait], f"{thread_waits(child.pid)}")


def test_a_sleep_is_no_lock() -> None:
    with python(SLEEP) as child:
        until(lambda: "nanosleep" in thread_waits(child.pid)[0], f"{thread_waits(child.pid)}")


def test_a_busy_one_runs_and_its_ticks_grow() -> None:
    with python(BUSY) as child:
        until(lambda: proc.tasks(child.pid) == [("R", "running")])
        before = proc.stat(child.pid)
        until(lambda: (now := proc.stat(child.pid)) and before and now.ticks > before.ticks)


@pytest.mark.parametrize(
    ("syscall", "wchan", "wait"),
    [
        ("202 0x7f 0x80 0x0 0x0 0x0 0x0 0x1 0x2", "futex_do_wait", "futex"),
        ("202 0x7f 0x189 0x0 0x0 0x0 0xffffffff 0x1 0x2", "futex_do_wait", "futex"),
        ("202 0x7f 0x189 0x0 0x7ffd 0x0 0xffffffff 0x1 0x2", "0", "futex-timed"),
        ("202 0x7f 0x109 0x0 0x0 0x0 0xffffffff 0x1 0x2", "futex_do_wait", "futex-shared"),
        ("202 0x7f 0x81 0x1 0x0 0x0 0x0 0x1 0x2", "futex_wake", "futex-unknown"),
        ("232 0x4 0x7f 0x1 0xffffffff 0x0 0x0 0x1 0x2", "ep_poll", "ep_poll"),
        ("running", "0", "running"),
        (None, "futex_wait_queue", "futex-unknown"),
        (None, "hrtimer_nanosleep", "hrtimer_nanosleep"),
        (None, "0", "?"),
        (None, None, "?"),
        ("-1 0x7ffd 0x1", "0", "?"),
    ],
)
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_what_a_thread_waits_for(tmp_path: Path, syscall: str | None, wchan: str | None, wait: str) -> None:
    for name, text in (("syscall", syscall), ("wchan", wchan)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert waits.wait_of(tmp_path) == wait


@pytest.mark.skipif(platform.machine() != "x86_64", reason="exit is 60 on x86_64")
def test_a_process_whose_main_thread_has_ended_lives_on_in_the_other() -> None:
    with python(ZOMBIE_LEADER) as child:
        until(lambda: (entry := proc.stat(child.pid)) is not None and entry.state == "Z")
        thread = proc.living_thread(child.pid)
        assert thread != child.pid
        assert (proc.PROC / str(child.pid) / "task" / str(thread)).exists()
        assert proc.is_alive(child.pid)
        child.kill()
        until(lambda: not proc.is_alive(child.pid))


def test_descendants_are_children_and_theirs() -> None:
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
            until(lambda: not proc.is_alive(grandchild))  # its standard input has ended


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_accept_backlog_of_a_port(family: int, address: str) -> None:
    with socket.socket(family) as listener:
        try:
            listener.bind((address, 0))
        except OSError as error:
            pytest.skip(str(error))
        port = listener.getsockname()[1]
        assert proc.backlog(port) is None
        listener.listen(8)
        assert proc.backlog(port) == 0
        clients = [socket.create_connection((address, port)) for _ in range(3)]
        until(lambda: proc.backlog(port) == 3)
        listener.accept()[0].close()
        assert proc.backlog(port) == 2
        for client in clients:
            client.close()
    assert proc.backlog(port) is None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_to_join_a_thread_is_to_wait_for_ones_own_process(tmp_path: Path) -> None:
    """glibc waits for the thread's id without the private flag (nptl/pthread_join_common.c)."""
    (tmp_path / "syscall").write_text("202 0x7f0 0x109 0x7f68 0x0 0x0 0x0 0x7ff 0x7ff")
    assert waits.wait_of(tmp_path, ["32614", str(0x7F68)]) == "futex-join"
    assert waits.wait_of(tmp_path, ["32614"]) == "futex-shared"


def test_the_waits_of_all_threads_are_added_up() -> None:
    code = "import threading, time; e = threading.Event(); threading.Thread(target=e.wait).start(); print('up')"
    with python(code + "\nfor _ in range(40): time.sleep(0.001)\ntime.sleep(60)") as child:
        until(lambda: proc.voluntary_switches(child.pid) > 40)
    assert proc.voluntary_switches(GONE) == 0
