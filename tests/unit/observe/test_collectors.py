"""The collectors beside the log: exits, kernel events, the closer look, usage."""

from __future__ import annotations

import os
import select
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from contexts import context, python, until
from hypothesis import given
from hypothesis import strategies as st
from rows import generation, row

from stacks.lifecycle.records import SAMPLE_COLUMNS, Event
from stacks.observe import proc
from stacks.observe.collectors import closer, exits, kernel, usage

SLEEP = "import time; print('up'); time.sleep(60)"


class TestExits:
    def test_an_end_is_a_row_when_it_comes_and_not_when_it_is_reaped(self, tmp_path: Path) -> None:
        made, watched = context(tmp_path)
        collector = exits.Collector(made)
        assert collector.open() == ""
        with python(SLEEP) as child:
            collector.on_event(row(0, "spawned", child.pid, 1))
            collector.on_event(row(0, "spawned", child.pid, 1))  # once is enough
            fd = next(fd for fd, pid in collector._pids.items() if pid == child.pid)
            assert sorted(watched) == sorted(collector._pids)
            assert len(watched) == 2
            assert not select.select([fd], [], [], 0)[0]
            child.terminate()
            assert select.select([fd], [], [], 10)[0]
            assert collector.read(fd) == [Event(42, "exits", "exited", child.pid)]
            assert fd not in watched
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(fd)
        collector.close()

    def test_the_masters_end_is_told_apart(self, tmp_path: Path) -> None:
        with python(SLEEP) as child:
            made, watched = context(tmp_path, master_pid=child.pid)
            collector = exits.Collector(made)
            collector.open()
            child.kill()
            (fd,) = watched
            until(lambda: select.select([fd], [], [], 0)[0])
            assert [event.kind for event in collector.read(fd)] == ["master_exited"]
        collector.close()

    def test_so_is_the_end_of_one_that_took_over(self, tmp_path: Path) -> None:
        made, watched = context(tmp_path)
        collector = exits.Collector(made)
        with python(SLEEP) as child:
            collector.on_event(row(0, "master", child.pid))
            child.kill()
            (fd,) = watched
            until(lambda: select.select([fd], [], [], 0)[0])
            assert collector.read(fd) == [Event(42, "exits", "master_exited", child.pid)]
        collector.on_event(row(0, "master", child.pid))  # which has gone
        assert [event.kind for event in collector.sample()] == ["master_exited"]
        collector.close()

    def test_one_that_ended_before_it_could_be_watched_is_a_row_as_well(self, tmp_path: Path) -> None:
        done = subprocess.Popen([sys.executable, "-c", ""])
        done.wait()
        collector = exits.Collector(context(tmp_path)[0])
        collector.on_event(row(0, "respawned", done.pid, 1))
        assert collector.sample() == [Event(42, "exits", "exited", done.pid, data={"late": True})]
        assert collector.sample() == []

    def test_other_rows_are_not_watched(self, tmp_path: Path) -> None:
        made, watched = context(tmp_path)
        exits.Collector(made).on_event(row(0, "reaped", os.getpid(), 1))
        assert watched == {}


def datagram(what: int, t_ns: int, fields: bytes) -> bytes:
    """As the kernel packs it: nlmsghdr, cn_msg, proc_event."""
    event = struct.pack("=IIQ", what, 0, t_ns) + fields
    message = struct.pack("=IIIIHH", 1, 1, 0, 0, len(event), 0) + event
    return struct.pack("=IHHII", 16 + len(message), 3, 0, 0, 0) + message


FORK = datagram(1, 111, struct.pack("=4i", 900, 900, 101, 101))
EXIT = datagram(0x80000000, 222, struct.pack("=2iII", 101, 101, 11, 17))
EXEC = datagram(2, 333, struct.pack("=2i", 101, 101))


class TestKernel:
    def test_forks_and_exits_are_decoded_and_others_passed_over(self) -> None:
        assert kernel.decode(FORK) == [(kernel.PROC_EVENT_FORK, 111, (900, 900, 101, 101))]
        assert kernel.decode(EXEC + EXIT + FORK) == [
            (kernel.PROC_EVENT_EXIT, 222, (101, 101, 11, 17)),
            (kernel.PROC_EVENT_FORK, 111, (900, 900, 101, 101)),
        ]

    @given(st.binary(max_size=80), st.integers(0, len(FORK)))
    def test_no_bytes_hurt_it(self, noise: bytes, cut: int) -> None:
        kernel.decode(noise)
        assert kernel.decode(EXIT + FORK[:cut]) == kernel.decode(EXIT) + (
            kernel.decode(FORK) if cut == len(FORK) else []
        )
        assert kernel.decode(EXIT + noise)[:1] == kernel.decode(EXIT)

    def collector(self, tmp_path: Path) -> tuple[kernel.Collector, socket.socket]:
        """One that reads from a socket of ours instead of the kernel's."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        made = kernel.Collector(context(tmp_path, master_pid=900)[0])
        made._socket = ours
        return made, theirs

    def test_only_the_masters_children_are_rows(self, tmp_path: Path) -> None:
        made, theirs = self.collector(tmp_path)
        gone = 2**22 + 1
        for parent, thread, child in ((900, gone, gone), (901, gone + 2, gone + 2), (900, gone + 3, 900)):
            theirs.send(datagram(1, 5, struct.pack("=4i", parent, parent, thread, child)))
        assert made.read(0) == [Event(5, "kernel", "forked", gone)]
        for pid, status in ((gone, 11), (gone + 2, 11), (gone, 11)):
            theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", pid, pid, status, 17)))
        assert made.read(0) == [Event(6, "kernel", "exited", gone, data={"signal": 11})]
        theirs.close()
        made.close()

    def test_an_exit_status_is_told_as_such_and_a_core_dump_as_its_signal(self, tmp_path: Path) -> None:
        made, theirs = self.collector(tmp_path)
        gone = 2**22 + 1
        found = []
        for status in (30 << 8, 0, 6 | 0x80):
            made.on_event(row(0, "respawned", gone, 1))
            theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", gone, gone, status, 17)))
            found += [event.data for event in made.read(0)]
        assert found == [{"exit_status": 30}, {"exit_status": 0}, {"signal": 6}]
        theirs.close()
        made.close()

    def test_a_thread_that_ends_is_not_the_end_of_its_process(self, tmp_path: Path) -> None:
        made, theirs = self.collector(tmp_path)
        made.on_event(row(0, "spawned", os.getpid(), 1))
        theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", 12345, os.getpid(), 0, 17)))
        assert made.read(0) == []
        theirs.close()
        made.close()

    def test_where_it_is_not_permitted_it_says_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied() -> socket.socket:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(kernel, "subscribe", denied)
        made, watched = context(tmp_path)
        assert "Operation not permitted" in kernel.Collector(made).open()
        assert watched == {}


class TestCloser:
    def test_only_what_may_be_stuck_is_looked_at(self, tmp_path: Path) -> None:
        with python(SLEEP) as child:
            made, _ = context(tmp_path, master_pid=os.getpid())
            looker = closer.Collector(made)
            until(lambda: proc.voluntary_switches(child.pid))  # it sleeps
            for event in (row(0, "master", os.getpid()), row(0, "spawned", child.pid, 1)):
                made.lifecycle.feed(event)
            (event,) = looker.sample()
            assert (event.kind, event.pid, event.t_ns) == ("state", child.pid, 42)
            assert set(event.data) == {"ticks", "switches", "tasks"}
            assert event.data["switches"] > 0
            made.lifecycle.feed(row(0.1, "ready", child.pid))
            assert looker.sample() == []
            made.lifecycle.feed(row(0.2, "exit_begun", child.pid))
            assert [event.pid for event in looker.sample()] == [child.pid]
            made.lifecycle.feed(row(0.3, "exited", child.pid))
            assert looker.sample() == []
            made.lifecycle.now_ns += int((closer.MASTER_LATE_S + 0.01) * 1e9)
            assert [event.pid for event in looker.sample()] == [os.getpid()]

    def test_one_that_serves_is_looked_at_closely_while_all_of_its_threads_wait_for_locks(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = [("S", "futex"), ("S", "ep_poll")]
        monkeypatch.setattr(proc, "tasks", lambda _pid: list(tasks))
        made, _ = context(tmp_path)
        looker = closer.Collector(made)
        for event in generation(os.getpid()):
            made.lifecycle.feed(event)

        def looks(count: int) -> list[str]:
            return [event.data["tasks"][-1][1] for _ in range(count) for event in looker.sample()]

        assert looks(2 * closer.SERVING_EVERY) == []
        tasks[1] = ("S", "futex")
        assert 1 <= len(looks(closer.SERVING_EVERY)) <= closer.SERVING_EVERY
        tasks[1] = ("t", "ptrace_stop")  # a debugger looks as well
        assert looks(2) == ["ptrace_stop", "ptrace_stop"]
        tasks[1] = ("S", "ep_poll")
        assert looks(3 * closer.SERVING_EVERY) == ["ep_poll"]  # the row that says that it moves, and no more

    def test_a_master_that_ignores_what_it_was_asked_is_looked_at(self, tmp_path: Path) -> None:
        made, _ = context(tmp_path, master_pid=os.getpid())
        looker = closer.Collector(made)
        made.lifecycle.feed(row(0, "asked", action="signal HUP", asked_pid=os.getpid()))
        assert looker.sample() == []
        made.lifecycle.now_ns += int((closer.MASTER_LATE_S + 0.01) * 1e9)
        assert [event.pid for event in looker.sample()] == [os.getpid()]

    def test_what_has_gone_is_no_row(self, tmp_path: Path) -> None:
        made, _ = context(tmp_path)
        made.lifecycle.feed(row(0, "spawned", 2**22 + 1, 1))
        assert closer.Collector(made).sample() == []


def test_usage_samples_every_process_and_the_backlog_in_the_order_of_the_columns(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, python(SLEEP) as child:
        made, _ = context(tmp_path, master_pid=os.getppid(), port=listener.getsockname()[1])
        made.processes[child.pid] = "locust"
        made.lifecycle.feed(row(0, "spawned", child.pid, 3))
        made.lifecycle.feed(row(0, "spawned", 2**22 + 1, 4))
        assert usage.Collector(made).sample() == []
    samples = [dict(zip(SAMPLE_COLUMNS, sample, strict=True)) for sample in made.samples]
    assert {(s["role"], s["slot"], s["pid"]) for s in samples} == {
        ("master", 0, os.getppid()),
        ("observer", 0, os.getpid()),
        ("worker", 3, child.pid),
        ("backlog", 0, 0),
    }
    worker = next(s for s in samples if s["role"] == "worker")
    assert (worker["t_ns"], worker["threads"]) == (42, 1)
    assert worker["rss_kib"] > 0
    assert next(s for s in samples if s["role"] == "backlog")["value"] == 0


def test_usage_adds_up_shared_memory_only_now_and_then(tmp_path: Path) -> None:
    made, _ = context(tmp_path)
    collector = usage.Collector(made)
    for _ in range(2 * usage.PSS_EVERY):
        collector.sample()
    sizes = [dict(zip(SAMPLE_COLUMNS, sample, strict=True))["pss_kib"] for sample in made.samples]
    own = [size > 0 for size in sizes]
    assert own == ([True] + [False] * (usage.PSS_EVERY - 1)) * 2
    assert set(sizes) >= {-1}
