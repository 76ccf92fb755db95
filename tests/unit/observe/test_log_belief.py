"""Lines that an app writes in uWSGI's own words: they are believed only from a process that may say them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contexts import context, python
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe.collectors.log import PATTERNS, Collector, parse
from stacks.observe.log_belief import is_believed

MASTER = os.getpid()
WORDS = [pattern.pattern for _, pattern in PATTERNS]


def believed(line: str, writer: int, lifecycle: Lifecycle) -> bool:
    event = parse(line, 1, writer)
    assert event is not None
    return is_believed(event, writer, lifecycle)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """A child of this process, which stands for the master."""
    with python("import sys; print(flush=True); sys.stdin.read()") as process:
        yield process
        process.stdin and process.stdin.close()
        process.kill()


def lifecycle_of(worker: int) -> Lifecycle:
    """A master with one worker that serves."""
    return Lifecycle.of(
        [Event(1, "log", "master", MASTER), Event(2, "log", "spawned", worker, 1), Event(3, "log", "ready", worker)]
    )


@pytest.mark.parametrize(
    "line",
    [
        "spawned uWSGI master process (pid: {worker})",
        "spawned uWSGI master process (pid: {master})",
        "Respawned uWSGI worker 1 (new pid: {worker})",
        "spawned uWSGI worker 2 (pid: {worker}, cores: 1)",
        "DAMN ! worker 1 (pid: {worker}) died, killed by signal 9 :( trying respawn ...",
        "worker 1 killed successfully (pid: {worker})",
        "worker respawning too fast !!! i have to sleep a bit (2 seconds)...",
        "workers have been inactive for more than 1 seconds (1795573669-1795573667)",
        "uWSGI worker 1 cheaped.",
        "worker 1 lifetime reached, it was running for 11 second(s)",
        "*** HARAKIRI ON WORKER 1 (pid: {worker}, try: 1) ***",
        "...The work of process {master} is done. Seeya!",
    ],
)
def test_a_worker_cannot_speak_for_its_master(worker: subprocess.Popen[bytes], line: str) -> None:
    text = line.format(worker=worker.pid, master=MASTER)
    assert not believed(text, worker.pid, lifecycle_of(worker.pid))


def test_a_worker_speaks_for_itself(worker: subprocess.Popen[bytes]) -> None:
    lifecycle = lifecycle_of(worker.pid)
    assert believed(f"...The work of process {worker.pid} is done. Seeya!", worker.pid, lifecycle)
    assert believed(f"Gracefully killing worker 1 (pid: {worker.pid})...", worker.pid, lifecycle)


def test_a_master_speaks_for_its_children_only(worker: subprocess.Popen[bytes]) -> None:
    lifecycle = Lifecycle()
    assert believed(f"spawned uWSGI master process (pid: {MASTER})", MASTER, lifecycle)
    assert believed(f"spawned uWSGI worker 1 (pid: {worker.pid}, cores: 1)", MASTER, lifecycle)
    assert not believed(f"spawned uWSGI worker 1 (pid: {os.getppid()}, cores: 1)", MASTER, lifecycle)
    assert believed(f"spawned uWSGI worker 1 (and the only) (pid: {MASTER}, cores: 1)", MASTER, lifecycle)


def test_a_process_that_a_worker_has_started_cannot_speak_for_the_master() -> None:
    code = (
        "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=-1);"
        "print(child.pid, flush=True); sys.stdin.read(); child.kill()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        child = int(process.stdout.readline())
        assert not believed(f"spawned uWSGI master process (pid: {child})", child, lifecycle_of(process.pid))
        process.stdin.close()


def test_without_a_writer_every_line_is_believed() -> None:
    assert believed("spawned uWSGI master process (pid: 12)", 0, Lifecycle())


LINES = st.one_of(
    st.text(max_size=80),
    st.binary(max_size=80).map(lambda data: data.decode("latin-1")),
    st.sampled_from(WORDS).flatmap(lambda pattern: st.from_regex(pattern)),
    st.integers(1, 5000).map(lambda digits: f"spawned uWSGI master process (pid: {'9' * digits})"),
)


@given(lines=st.lists(LINES, max_size=20), cut=st.integers(50, 5000))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_log_takes_whatever_an_app_writes(tmp_path_factory: pytest.TempPathFactory, lines: list[str], cut: int):
    folder: Path = tmp_path_factory.mktemp("log")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ctx, _ = context(folder, log_fd=ours.detach())
    collector = Collector(ctx)
    assert collector.open() == ""
    data = "\n".join(lines).encode(errors="replace") + b"\n"
    events: list[Event] = []
    with theirs:
        for begin in range(0, len(data), cut):
            theirs.sendall(data[begin : begin + cut])
            events += collector.read(ctx.log_fd)
    collector.close()
    for event in events:
        ctx.lifecycle.feed(event)
        assert Event.from_json(event.to_json()) == event
    assert (folder / "uwsgi.log").read_bytes() == data
