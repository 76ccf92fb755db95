"""The log collector with a pipe instead of a socket."""

from __future__ import annotations

import os
from pathlib import Path

from contexts import context

from stacks.lifecycle.records import LOG_FILE
from stacks.observe.collectors.log import Collector


def test_a_worker_that_prints_its_pid_is_ready(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    collector_context, _ = context(tmp_path, log_fd=read_end)
    collector = Collector(collector_context)
    assert collector.open() == ""
    os.write(write_end, b"pack-ready 123\nspawned uWSGI worker 1 (pid: 7, cores: 1)\n")
    rows = [(event.kind, event.pid) for event in collector.read(read_end)]
    assert rows == [("ready", 123), ("spawned", 7)]
    os.close(write_end)
    assert collector.read(read_end) == []
    collector.close()
    assert (tmp_path / LOG_FILE).read_bytes().startswith(b"pack-ready 123")
