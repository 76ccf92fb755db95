"""The collector `usage`: samples of CPU time and memory, and of the accept backlog."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from contexts import context, python
from rows import row

from stacks.lifecycle.records import SAMPLE_COLUMNS
from stacks.observe.collectors import usage

SLEEP = "import time; print('up'); time.sleep(60)"


def test_every_process_and_the_backlog_are_sampled_in_the_order_of_the_columns(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, python(SLEEP) as child:
        ctx, _ = context(tmp_path, master_pid=os.getppid(), port=listener.getsockname()[1])
        ctx.processes[child.pid] = "locust"
        ctx.lifecycle.feed(row(0, "spawned", child.pid, 3))
        ctx.lifecycle.feed(row(0, "spawned", 2**22 + 1, 4))
        assert usage.Collector(ctx).sample() == []
    samples = [dict(zip(SAMPLE_COLUMNS, sample, strict=True)) for sample in ctx.samples]
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


def test_only_every_fifth_sample_holds_the_pss(tmp_path: Path) -> None:
    ctx, _ = context(tmp_path)
    collector = usage.Collector(ctx)
    for _ in range(2 * usage.PSS_EVERY):
        collector.sample()
    sizes = [dict(zip(SAMPLE_COLUMNS, sample, strict=True))["pss_kib"] for sample in ctx.samples]
    own = [size > 0 for size in sizes]
    assert own == ([True] + [False] * (usage.PSS_EVERY - 1)) * 2
    assert set(sizes) >= {-1}
