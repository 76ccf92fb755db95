"""The words for a thread's wait: from files made by hand, and from children that wait in a known way."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from contexts import python

from stacks.observe import proc, waits
from tests.patience import until

FUTEX = "import threading; lock = threading.Lock(); lock.acquire(); print('up'); lock.acquire()"


TIMED = "import threading; lock = threading.Lock(); lock.acquire(); print('up'); lock.acquire(timeout=600)"


SLEEP = "import time; print('up'); time.sleep(60)"


GONE = 2**22 + 1  # above pid_max


def thread_waits(pid: int) -> list[str]:
    return [wait for _, wait in proc.tasks(pid) or []]


@pytest.mark.skipif(waits.FUTEX_SYSCALL is None, reason="the number of futex is not known here")
@pytest.mark.parametrize(("code", "wait"), [(FUTEX, "futex"), (TIMED, "futex-timed")])
def test_a_lock_wait_has_a_word_for_each_kind_of_timeout(code: str, wait: str) -> None:
    with python(code) as child:
        until(lambda: thread_waits(child.pid) == [wait], f"{thread_waits(child.pid)}")


def test_a_sleep_is_no_lock_wait() -> None:
    with python(SLEEP) as child:
        until(lambda: "nanosleep" in thread_waits(child.pid)[0], f"{thread_waits(child.pid)}")


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
def test_the_word_for_each_system_call_and_wait_channel(
    tmp_path: Path, syscall: str | None, wchan: str | None, wait: str
) -> None:
    for name, text in (("syscall", syscall), ("wchan", wchan)):
        if text is not None:
            (tmp_path / name).write_text(text)
    assert waits.wait_of(tmp_path) == wait


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_the_join_of_a_thread_of_the_same_process_has_its_own_word(tmp_path: Path) -> None:
    """glibc waits for the thread's id without the private flag (nptl/pthread_join_common.c)."""
    (tmp_path / "syscall").write_text("202 0x7f0 0x109 0x7f68 0x0 0x0 0x0 0x7ff 0x7ff")
    assert waits.wait_of(tmp_path, ["32614", str(0x7F68)]) == "futex-join"
    assert waits.wait_of(tmp_path, ["32614"]) == "futex-shared"


def test_the_wait_of_a_process_that_does_not_exist_is_not_known() -> None:
    assert waits.wait_of(proc.PROC / str(GONE)) == "?"
