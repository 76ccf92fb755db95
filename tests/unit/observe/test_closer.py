"""The collector `closer`: which processes get a closer look, and when it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from contexts import context, python
from rows import generation, row

from stacks.observe import proc
from stacks.observe.collectors import closer
from tests.patience import until

SLEEP = "import time; print('up'); time.sleep(60)"


class TestCloser:
    def test_only_processes_that_may_be_stuck_are_looked_at(self, tmp_path: Path) -> None:
        with python(SLEEP) as child:
            ctx, _ = context(tmp_path, master_pid=os.getpid())
            collector = closer.Collector(ctx)
            until(lambda: proc.voluntary_switches(child.pid))  # wait until it sleeps
            for event in (row(0, "master", os.getpid()), row(0, "spawned", child.pid, 1)):
                ctx.lifecycle.feed(event)
            (event,) = collector.sample()
            assert (event.kind, event.pid, event.t_ns) == ("state", child.pid, 42)
            assert set(event.data) == {"ticks", "switches", "tasks"}
            assert event.data["switches"] > 0
            ctx.lifecycle.feed(row(0.1, "ready", child.pid))
            assert collector.sample() == []
            ctx.lifecycle.feed(row(0.2, "exit_begun", child.pid))
            assert [event.pid for event in collector.sample()] == [child.pid]
            ctx.lifecycle.feed(row(0.3, "exited", child.pid))
            assert collector.sample() == []
            ctx.lifecycle.now_ns += int((closer.MASTER_LATE_S + 0.01) * 1e9)
            assert [event.pid for event in collector.sample()] == [os.getpid()]

    def test_a_serving_worker_is_looked_at_while_all_its_threads_wait_for_locks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = [("S", "futex"), ("S", "ep_poll")]
        monkeypatch.setattr(proc, "tasks", lambda _pid: list(tasks))
        ctx, _ = context(tmp_path)
        collector = closer.Collector(ctx)
        for event in generation(os.getpid()):
            ctx.lifecycle.feed(event)

        def looks(count: int) -> list[str]:
            return [event.data["tasks"][-1][1] for _ in range(count) for event in collector.sample()]

        assert looks(2 * closer.SERVING_EVERY) == []
        tasks[1] = ("S", "futex")
        assert 1 <= len(looks(closer.SERVING_EVERY)) <= closer.SERVING_EVERY
        tasks[1] = ("t", "ptrace_stop")  # a debugger has stopped the thread
        assert looks(2) == ["ptrace_stop", "ptrace_stop"]
        tasks[1] = ("S", "ep_poll")
        assert looks(3 * closer.SERVING_EVERY) == ["ep_poll"]  # one more row, which shows that the worker moves

    def test_in_a_free_threaded_python_one_thread_may_wait_with_a_timeout_and_be_awake_at_times(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = [("S", "futex-timed"), ("S", "futex")]
        monkeypatch.setattr(proc, "tasks", lambda _pid: list(tasks))
        ctx, _ = context(tmp_path)
        collector = closer.Collector(ctx)
        for event in generation(os.getpid()):
            ctx.lifecycle.feed(event)

        def looks(count: int) -> list[str]:
            return [event.data["tasks"][0][1] for _ in range(count) for event in collector.sample()]

        assert looks(2 * closer.SERVING_EVERY) == []  # with a GIL such a wait is a busy worker's
        ctx.lifecycle.feed(row(0.2, "free_threaded"))
        tasks[0] = ("R", "running")  # met between two waits: the next look tells
        assert looks(closer.SERVING_EVERY) == []
        tasks[0] = ("S", "futex-timed")
        assert looks(2) == ["futex-timed"]
        tasks[0] = ("R", "running")
        assert looks(2) == ["running", "running"]
        tasks[0] = ("S", "ep_poll")
        assert looks(3 * closer.SERVING_EVERY) == ["ep_poll"]
        tasks[:] = [("S", "futex-timed"), ("S", "futex-timed")]
        assert looks(3 * closer.SERVING_EVERY) == []

    def test_a_master_that_does_not_react_to_a_trigger_is_looked_at(self, tmp_path: Path) -> None:
        ctx, _ = context(tmp_path, master_pid=os.getpid())
        collector = closer.Collector(ctx)
        ctx.lifecycle.feed(row(0, "asked", action="signal HUP", asked_pid=os.getpid()))
        assert collector.sample() == []
        ctx.lifecycle.now_ns += int((closer.MASTER_LATE_S + 0.01) * 1e9)
        assert [event.pid for event in collector.sample()] == [os.getpid()]

    def test_a_process_that_does_not_exist_makes_no_row(self, tmp_path: Path) -> None:
        ctx, _ = context(tmp_path)
        ctx.lifecycle.feed(row(0, "spawned", 2**22 + 1, 1))
        assert closer.Collector(ctx).sample() == []
