"""Observing a uWSGI that the pack did not start: the collector `children` follows its workers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from forking_master import forking_master

from stacks.observe.attached import AttachedObserver
from tests.patience import LIMIT_S, until


def test_the_workers_of_a_running_master_are_followed(tmp_path: Path) -> None:
    with forking_master(tmp_path) as master:
        observer = AttachedObserver(tmp_path, master.pid, 1)
        try:
            assert set(observer.unavailable) == {"children", "usage"}
            assert observer.until(lambda: len(observer.lifecycle.ready()) == 3, LIMIT_S)
            assert observer.lifecycle.slots == [1, 2, 3]
            victim = observer.lifecycle.current()[2].pid
            os.kill(victim, signal.SIGKILL)
            assert observer.until(lambda: observer.lifecycle.current()[2].pid != victim, LIMIT_S)
            assert observer.until(lambda: len(observer.lifecycle.ready()) == 3, LIMIT_S)
            outcomes = [(e.slot, e.generation, e.outcome) for e in observer.lifecycle.episodes() if e.slot == 2]
            assert outcomes == [(2, 0, "ready"), (2, 1, "ready")]
            assert observer.pids() == []
            master.kill()
            assert observer.until(lambda: observer.exit_code is not None, LIMIT_S)
        finally:
            observer.close()
    until(lambda: True)


def test_without_a_master_only_the_load_is_recorded(tmp_path: Path) -> None:
    observer = AttachedObserver(tmp_path, 0, 1)
    try:
        assert [collector.name for collector in observer.collectors] == ["usage"]
        observer.step(0)
        assert observer.exit_code is None
        assert observer.pids() == []
    finally:
        observer.close()
