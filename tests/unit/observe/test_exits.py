"""The collector `exits`: a process that ends becomes a row at once, by its pidfd."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from contexts import context, python
from rows import row

from stacks.lifecycle.records import Event
from stacks.observe.collectors import exits
from tests.patience import until

SLEEP = "import time; print('up'); time.sleep(60)"


class TestExits:
    def test_an_end_is_a_row_before_it_is_reaped(self, tmp_path: Path) -> None:
        ctx, watched = context(tmp_path)
        collector = exits.Collector(ctx)
        assert collector.open() == ""
        with python(SLEEP) as child:
            collector.on_event(row(0, "spawned", child.pid, 1))
            collector.on_event(row(0, "spawned", child.pid, 1))  # a second row about the same process changes nothing
            fd = next(fd for fd, pid in collector._pids.items() if pid == child.pid)
            assert sorted(watched) == sorted(collector._pids)
            assert len(watched) == 2
            assert not select.select([fd], [], [], 0)[0]
            child.terminate()
            assert select.select([fd], [], [], 60)[0]
            ended = {"signal": signal.SIGTERM}
            assert collector.read(fd) == [Event(42, "exits", "exited", child.pid, data=ended)]
            assert fd not in watched
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(fd)
        collector.close()

    def test_an_exit_code_is_recorded_and_a_reaped_process_has_none(self, tmp_path: Path) -> None:
        ctx, watched = context(tmp_path)
        collector = exits.Collector(ctx)
        for is_reaped in (False, True):
            with python("print(1); raise SystemExit(3)") as child:
                collector.on_event(row(0, "spawned", child.pid, 1))
                (fd,) = watched
                assert select.select([fd], [], [], 60)[0]
                if is_reaped:
                    child.wait()
                assert [event.data for event in collector.read(fd)] == [{} if is_reaped else {"exit_status": 3}]
        collector.close()

    def test_the_end_of_the_master_has_a_kind_of_its_own(self, tmp_path: Path) -> None:
        with python(SLEEP) as child:
            ctx, watched = context(tmp_path, master_pid=child.pid)
            collector = exits.Collector(ctx)
            collector.open()
            child.kill()
            (fd,) = watched
            until(lambda: select.select([fd], [], [], 0)[0])
            assert [event.kind for event in collector.read(fd)] == ["master_exited"]
        collector.close()

    def test_the_end_of_a_later_master_has_the_same_kind(self, tmp_path: Path) -> None:
        ctx, watched = context(tmp_path)
        collector = exits.Collector(ctx)
        with python(SLEEP) as child:
            collector.on_event(row(0, "master", child.pid))
            child.kill()
            (fd,) = watched
            until(lambda: select.select([fd], [], [], 0)[0])
            assert collector.read(fd) == [Event(42, "exits", "master_exited", child.pid)]
        collector.on_event(row(0, "master", child.pid))  # it has ended already
        assert [event.kind for event in collector.sample()] == ["master_exited"]
        collector.close()

    def test_a_process_that_ended_before_it_could_be_watched_is_a_late_row(self, tmp_path: Path) -> None:
        done = subprocess.Popen([sys.executable, "-c", ""])
        done.wait()
        collector = exits.Collector(context(tmp_path)[0])
        collector.on_event(row(0, "respawned", done.pid, 1))
        assert collector.sample() == [Event(42, "exits", "exited", done.pid, data={"late": True})]
        assert collector.sample() == []

    def test_rows_of_other_kinds_start_no_watch(self, tmp_path: Path) -> None:
        ctx, watched = context(tmp_path)
        exits.Collector(ctx).on_event(row(0, "reaped", os.getpid(), 1))
        assert watched == {}
