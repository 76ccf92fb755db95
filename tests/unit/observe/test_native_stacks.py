"""The texts of eu-stack and gdb: both tell the same frames, threads and packages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stacks.observe import native_stacks

GDB = """[Thread debugging using libthread_db enabled]
103\t./nptl/futex-internal.c: No such file or directory.

Thread 2 (Thread 0x7f2d2e7ab6c0 (LWP 22696) "uwsgi"):
#0  0x00007f2d2f442f7b in sem_wait () from /lib/libc.so.6
#1  other (lock=0x55) at lock.c:1

Thread 1 (Thread 0x7fb004164b80 (LWP 22627) "uwsgi"):
#0  __futex_abstimed_wait_common (futex_word=0x7fb004056200 <_PyRuntime+77504>) at ./nptl/futex-internal.c:103
#5  take_gil (tstate=tstate@entry=0x7fb0040b36c8 <_PyRuntime+459656>) at Python/ceval_gil.c:376
#6  0x00007fb003caf0de in PyEval_RestoreThread (tstate=0x7fb0040b36c8) at Python/ceval_gil.c:708
#7  0x00007fb00354b2a8 in uwsgi_python_master_fixup () from /venv/lib/pyuwsgi.so
#8  0x0000000000000000 in ?? ()
[Inferior 1 (process 22627) detached]
"""
EU_STACK = """PID 22627 - process
TID 22627:
#0  0x00007fb0038a3f7b __futex_abstimed_wait_common - /usr/lib/x86_64-linux-gnu/libc.so.6
#1  0x00007fb003cae100 take_gil - /usr/lib/libpython3.12.so.1.0
#2  0x00007fb003caf0de PyEval_RestoreThread - /usr/lib/libpython3.12.so.1.0
#3  0x00007fb00354b2a8 uwsgi_python_master_fixup - /venv/lib/pyuwsgi.so
#4  0x0000000000000000 - /venv/lib/pyuwsgi.so
TID 22696:
#0  0x00007f2d2f442f7b sem_wait - /usr/lib/x86_64-linux-gnu/libc.so.6
#1  0x00007f2d2f442f00 other - /venv/lib/other.so
"""
TEXTS = pytest.mark.parametrize("text", [GDB, EU_STACK], ids=["gdb", "eu-stack"])
GIL = ["__futex_abstimed_wait_common", "take_gil", "PyEval_RestoreThread", "uwsgi_python_master_fixup", "??"]
SITE = "/venv/lib/python3.12/site-packages"


@TEXTS
def test_the_frames_are_those_of_the_main_thread_innermost_first(text: str) -> None:
    assert native_stacks.main_thread_frames(text) == GIL
    assert [native_stacks.frames(thread) for thread in native_stacks.threads(text)] == [GIL, ["sem_wait", "other"]]


@pytest.mark.parametrize(
    "text",
    [
        f"#5  0x00007f in PeriodicThread_join(_object*, _object*) () from {SITE}/ddtrace/internal/_threads.so\n"
        f"#6  0x00007f in blas_wait () from {SITE}/numpy.libs/libopenblas-123.so\n"
        f"#7  0x00007f in uwsgi_plugins_atexit () from {SITE}/pyuwsgi.cpython-312-x86_64-linux-gnu.so\n"
        "#8  0x00007f in wait () from /lib/libc.so.6\n",
        f"#5  0x00007f PeriodicThread_join(_object*, _object*) - {SITE}/ddtrace/internal/_threads.so\n"
        f"#6  0x00007f blas_wait - {SITE}/numpy.libs/libopenblas-123.so\n"
        f"#7  0x00007f uwsgi_plugins_atexit - {SITE}/pyuwsgi.cpython-312-x86_64-linux-gnu.so\n"
        "#8  0x00007f wait - /lib/libc.so.6\n",
    ],
    ids=["gdb", "eu-stack"],
)
def test_frames_in_the_library_of_a_package_have_its_name(text: str) -> None:
    assert native_stacks.packages(text) == {"PeriodicThread_join": "ddtrace", "blas_wait": "numpy"}


@TEXTS
def test_a_thread_that_waits_for_the_others_to_stop_comes_first(text: str) -> None:
    assert native_stacks.stopping_thread_frames(text) == []
    assert native_stacks.stopping_thread_frames(text.replace("other", "stop_the_world", 1)) == [
        "sem_wait",
        "stop_the_world",
    ]


@TEXTS
def test_the_threads_that_wait_for_the_gil_are_counted(text: str) -> None:
    assert native_stacks.gil_waiters(text) == 1
    assert native_stacks.gil_waiters(text.replace("other", "take_gil", 1)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ptrace: Operation not permitted.\n",
        "No stack.\n",
        "eu-stack: dwfl_linux_proc_attach pid 1: Operation not permitted\n",
    ],
)
def test_a_text_without_a_backtrace_has_no_frames(text: str) -> None:
    assert native_stacks.main_thread_frames(text) == []
    assert native_stacks.threads(text) == []
    assert native_stacks.gil_waiters(text) == 0


def executable(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def test_eu_stack_comes_before_gdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert native_stacks.program() is None
    with pytest.raises(FileNotFoundError, match="neither"):
        native_stacks.command(os.getpid())
    for name in ("gdb", "eu-stack"):
        executable(tmp_path / name)
        assert native_stacks.program() == name
        assert native_stacks.command(os.getpid())[-2:] == ["-p", str(os.getpid())]


def test_gdb_comes_first_for_a_process_that_sees_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gdb", "eu-stack"):
        executable(tmp_path / name)
    for name, namespace in (("self", "mnt:[1]"), ("7", "mnt:[1]"), ("8", "mnt:[2]")):
        (tmp_path / name / "ns").mkdir(parents=True)
        (tmp_path / name / "ns/mnt").symlink_to(namespace)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(native_stacks.proc, "PROC", tmp_path)
    assert [native_stacks.program(pid) for pid in (7, 8, 9)] == ["eu-stack", "gdb", "eu-stack"]
