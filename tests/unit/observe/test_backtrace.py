"""The collector `backtrace`: a tracer runs once for a process that stands still, and its text is kept as evidence."""

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
from stacks.observe import native_stacks
from stacks.observe.collectors import Base, backtrace

SLEEP = "import time; time.sleep(60)"
TEXT = """
Thread 1 (Thread 0x7fb004164b80 (LWP 22627) "uwsgi"):
#0  take_gil (tstate=tstate@entry=0x7fb0040b36c8 <_PyRuntime+459656>) at Python/ceval_gil.c:376
#1  0x00007fb00354b2a8 in uwsgi_python_master_fixup () from /venv/lib/pyuwsgi.so
"""


def use(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let Python code take the backtraces."""
    monkeypatch.setattr(native_stacks, "PROGRAMS", {sys.executable: (sys.executable, "-c", code)})


def use_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let a command take the backtraces that prints `text` at once."""
    use(monkeypatch, f"import sys; sys.stdout.write({text!r})")


class TestBacktrace:
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
        assert select.select([fd], [], [], 60)[0]
        events = collector.read(fd)
        assert not collector.busy
        assert watched == {}
        return events

    def test_the_backtrace_of_a_still_process_is_taken_and_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_text(monkeypatch, TEXT)
        collector, watched = self.suspect(tmp_path)
        (event,) = self.taken(collector, watched)
        name = f"evidence/backtrace-{os.getpid()}.txt"
        assert (event.kind, event.pid, event.data["file"], event.data["reason"]) == ("backtrace", os.getpid(), name, "")
        assert event.data["frames"] == ["take_gil", "uwsgi_python_master_fixup"]
        assert (tmp_path / name).read_text() == TEXT
        collector.context.lifecycle.feed(event)
        assert collector.sample() == []
        assert not collector.busy

    def test_if_the_tracer_may_not_attach_the_row_says_why_and_there_is_no_second_try(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_text(monkeypatch, "hello\nptrace: Operation not permitted.\n")
        collector, watched = self.suspect(tmp_path)
        (event,) = self.taken(collector, watched)
        assert (event.data["frames"], event.data["reason"]) == ([], "ptrace: Operation not permitted.")
        assert collector.sample() == []
        assert not collector.busy

    def test_a_tracer_that_takes_too_long_is_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, SLEEP)
        collector, watched = self.suspect(tmp_path)
        collector.sample()
        collector.context.clock = lambda: int(42 + native_stacks.LIMIT_S * 1e9 + 1)
        collector.sample()
        (fd,) = watched
        assert select.select([fd], [], [], 60)[0]
        assert collector.read(fd)[0].data["frames"] == []

    def test_the_runs_of_a_campaign_take_their_backtraces_one_after_another(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_text(monkeypatch, TEXT)
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

    def test_closing_kills_a_running_tracer(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        use(monkeypatch, SLEEP)
        collector, _ = self.suspect(tmp_path)
        collector.sample()
        tracer = collector._tracer
        assert tracer is not None
        collector.close()
        assert tracer.returncode == -signal.SIGKILL

    def test_no_second_backtrace_is_taken_of_the_same_process(self, tmp_path: Path) -> None:
        ctx, _ = context(tmp_path, master_pid=900)
        for event in [*generation(100), *leave(100, 1.0), *hang(900, 2.2)]:
            ctx.lifecycle.feed(event)
        collector = backtrace.Collector(ctx)
        assert collector.sample() == []
        assert not collector.busy

    def test_a_worker_that_never_answers_comes_before_those_that_leave_and_its_backtrace_is_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_text(monkeypatch, TEXT)
        collector, watched = self.deadlocked(tmp_path)
        assert collector.busy  # although none is being taken at this moment
        (event,) = self.taken(collector, watched)
        assert event.pid == os.getpid()

    def deadlocked(self, tmp_path: Path) -> tuple[backtrace.Collector, dict[int, Base]]:
        """Return a collector that sees this process in a deadlock, and its parent stand still at its exit."""
        ctx, watched = context(tmp_path)
        leaving = os.getppid()
        for event in [*generation(leaving, os.getpid()), leave(leaving, 1.0)[0]]:
            ctx.lifecycle.feed(event)
        for event in [*looks(leaving, 1.1, 2.6, "futex-timed"), *looks(os.getpid(), 1.1, 2.6, "futex", every=0.5)]:
            ctx.lifecycle.feed(event)
        return backtrace.Collector(ctx), watched

    def test_without_a_tracer_it_returns_what_is_used_instead_and_nothing_is_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        collector, _ = self.deadlocked(tmp_path)
        assert native_stacks.NOT_INSTALLED in collector.open()
        assert not collector.busy
