"""The collector `backtrace`: gdb runs once for a process that stands still, and its text is kept as evidence."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path

import pytest
from contexts import context
from rows import generation, hang, leave, looks, respawn

from stacks.lifecycle.records import CAMPAIGN_FILE, Event
from stacks.observe import gdb
from stacks.observe.collectors import Base, backtrace

SLEEP = "import time; time.sleep(60)"
GDB = """[Thread debugging using libthread_db enabled]
103\t./nptl/futex-internal.c: No such file or directory.

Thread 2 (Thread 0x7f2d2e7ab6c0 (LWP 22696) "uwsgi"):
#0  0x00007f2d2f442f7b in sem_wait () from /lib/libc.so.6
#1  other (lock=0x55) at lock.c:1

Thread 1 (Thread 0x7fb004164b80 (LWP 22627) "uwsgi"):
#0  __futex_abstimed_wait_common (futex_word=0x7fb004056200 <_PyRuntime+77504>) at ./nptl/futex-internal.c:103
#1  0x00007fb0038a3f7b in __GI___futex_abstimed_wait_cancelable64 (private=0) at ./nptl/futex-internal.c:139
#5  take_gil (tstate=tstate@entry=0x7fb0040b36c8 <_PyRuntime+459656>) at Python/ceval_gil.c:376
#6  0x00007fb003caf0de in PyEval_RestoreThread (tstate=0x7fb0040b36c8) at Python/ceval_gil.c:708
#7  0x00007fb00354b2a8 in uwsgi_python_master_fixup () from /venv/lib/pyuwsgi.so
#8  0x0000000000000000 in ?? ()
[Inferior 1 (process 22627) detached]
"""


class FakeGdb:
    """Replaces gdb by a command that prints a text at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        code = f"import sys; sys.stdout.write({text!r})"
        monkeypatch.setattr(backtrace, "GDB", (sys.executable, "-c", code))


class TestBacktrace:
    def test_the_frames_are_those_of_the_main_thread_innermost_first(self) -> None:
        assert backtrace.main_thread_frames(GDB) == [
            "__futex_abstimed_wait_common",
            "__GI___futex_abstimed_wait_cancelable64",
            "take_gil",
            "PyEval_RestoreThread",
            "uwsgi_python_master_fixup",
            "??",
        ]

    def test_frames_in_the_library_of_a_package_have_its_name(self) -> None:
        site = "/venv/lib/python3.12/site-packages"
        text = (
            "Thread 1 (LWP 5):\n"
            f"#5  0x00007f in PeriodicThread_join(_object*, _object*) () from {site}/ddtrace/internal/_threads.so\n"
            f"#6  0x00007f in blas_wait () from {site}/numpy.libs/libopenblas-123.so\n"
            f"#7  0x00007f in uwsgi_plugins_atexit () from {site}/pyuwsgi.cpython-312-x86_64-linux-gnu.so\n"
            "#8  0x00007f in wait () from /lib/libc.so.6\n"
        )
        assert backtrace.packages(text) == {"PeriodicThread_join": "ddtrace", "blas_wait": "numpy"}

    def test_a_thread_that_waits_for_the_others_to_stop_comes_first(self) -> None:
        assert backtrace.stopping_thread_frames(GDB) == []
        stops = GDB.replace("other (lock", "stop_the_world (stw")
        assert backtrace.stopping_thread_frames(stops) == ["sem_wait", "stop_the_world"]

    @pytest.mark.parametrize("text", ["", "ptrace: Operation not permitted.\n", "No stack.\n"])
    def test_a_text_without_a_backtrace_has_no_frames(self, text: str) -> None:
        assert backtrace.main_thread_frames(text) == []

    def suspect(self, tmp_path: Path) -> tuple[backtrace.Collector, dict[int, Base]]:
        ctx, watched = context(tmp_path)
        for event in [*generation(100), *respawn(1, 100, os.getpid(), 1.0, ready=False)]:
            ctx.lifecycle.feed(event)
        for event in looks(os.getpid(), 1.6, 2.0, "futex-timed"):
            ctx.lifecycle.feed(event)
        return backtrace.Collector(ctx), watched

    def taken(self, collector: backtrace.Collector, watched: dict[int, Base]) -> list[Event]:
        assert collector.sample() == []
        assert collector.busy
        (fd,) = watched
        assert select.select([fd], [], [], 10)[0]
        events = collector.read(fd)
        assert not collector.busy
        assert watched == {}
        return events

    def test_the_backtrace_of_a_still_process_is_taken_and_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        FakeGdb(monkeypatch, GDB)
        collector, watched = self.suspect(tmp_path)
        (event,) = self.taken(collector, watched)
        name = f"evidence/backtrace-{os.getpid()}.txt"
        assert (event.kind, event.pid, event.data["file"], event.data["reason"]) == ("backtrace", os.getpid(), name, "")
        assert event.data["frames"] == backtrace.main_thread_frames(GDB)
        assert (tmp_path / name).read_text() == GDB
        collector.context.lifecycle.feed(event)
        assert collector.sample() == []
        assert not collector.busy

    def test_if_gdb_may_not_attach_the_row_says_why_and_there_is_no_second_try(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        FakeGdb(monkeypatch, "hello\nptrace: Operation not permitted.\n")
        collector, watched = self.suspect(tmp_path)
        (event,) = self.taken(collector, watched)
        assert (event.data["frames"], event.data["reason"]) == ([], "ptrace: Operation not permitted.")
        assert collector.sample() == []
        assert not collector.busy

    def test_a_gdb_that_takes_too_long_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backtrace, "GDB", (sys.executable, "-c", SLEEP))
        collector, watched = self.suspect(tmp_path)
        collector.sample()
        collector.context.clock = lambda: int(42 + gdb.LIMIT_S * 1e9 + 1)
        collector.sample()
        (fd,) = watched
        assert select.select([fd], [], [], 10)[0]
        assert collector.read(fd)[0].data["frames"] == []

    def test_the_runs_of_a_campaign_take_their_backtraces_one_after_another(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        FakeGdb(monkeypatch, GDB)
        (tmp_path / CAMPAIGN_FILE).touch()
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        second.mkdir()
        (collector, watched), (waiting, others) = self.suspect(first), self.suspect(second)
        collector.sample()
        waiting.sample()
        assert waiting.busy  # its run waits for the backtrace
        assert others == {}
        (fd,) = watched
        collector.read(fd)
        assert self.taken(waiting, others)

    def test_the_threads_that_wait_for_the_gil_are_counted(self) -> None:
        assert backtrace.gil_waiters(GDB) == 1
        assert backtrace.gil_waiters(GDB.replace("other (lock", "take_gil (tstate")) == 2
        assert backtrace.gil_waiters("No stack.") == 0

    def test_closing_kills_a_running_gdb(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backtrace, "GDB", (sys.executable, "-c", SLEEP))
        collector, _ = self.suspect(tmp_path)
        collector.sample()
        gdb = collector._gdb
        assert gdb is not None
        collector.close()
        assert gdb.returncode == -signal.SIGKILL

    def test_no_second_backtrace_is_taken_of_the_same_process(self, tmp_path: Path) -> None:
        ctx, _ = context(tmp_path, master_pid=900)
        for event in [*generation(100), *leave(100, 1.0), *hang(900, 2.2)]:
            ctx.lifecycle.feed(event)
        collector = backtrace.Collector(ctx)
        assert collector.sample() == []
        assert not collector.busy

    def test_without_gdb_it_returns_what_is_used_instead(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert "gdb is not installed" in backtrace.Collector(context(tmp_path)[0]).open()
