"""The collector `log`: known lines of uWSGI become rows with their writer's pid, however the pieces arrive."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from contexts import Watched, context
from hypothesis import given
from hypothesis import strategies as st

from stacks.catalogue import STACKS, read_ini
from stacks.lifecycle.records import LOG_FILE, Event
from stacks.observe.collectors.log import READY_LINE, Collector, parse

WRITER = 77
LINES = [
    ("spawned uWSGI worker 1 (pid: 5000812, cores: 1)", ("spawned", 5000812, 1, {})),
    ("spawned uWSGI worker 1 (and the only) (pid: 5000812, cores: 2)", ("spawned", 5000812, 1, {})),
    ("spawned uWSGI master process (pid: 800)", ("master", 800, 0, {})),
    ("...The work of process 5000812 is done. Seeya!", ("exit_begun", 5000812, 0, {})),
    ("worker 1 killed successfully (pid: 5000812)", ("reaped", 5000812, 1, {})),
    ("Respawned uWSGI worker 16 (new pid: 5000113)", ("respawned", 5000113, 16, {})),
    (
        "DAMN ! worker 1 (pid: 5000812) died, killed by signal 9 :( trying respawn ...",
        ("died", 5000812, 1, {"signal": 9, "text": "died, killed by signal 9"}),
    ),
    ("DAMN ! worker 1 (pid: 5000812) died :( trying respawn ...", ("died", 5000812, 1, {"text": "died"})),
    (
        "Tue Nov 24 04:07:22 2026 - worker 1 (pid: 5000812) is taking too much time to die...NO MERCY !!!",
        ("no_mercy", 5000812, 1, {}),
    ),
    ("worker 1 (pid: 5000812) is taking too much time to die...NO MERCY !!!", ("no_mercy", 5000812, 1, {})),
    ("worker respawning too fast !!! i have to sleep a bit (2 seconds)...", ("throttle", WRITER, 0, {})),
    (
        "Tue Nov 24 04:07:22 2026 - *** HARAKIRI ON WORKER 3 (pid: 5000812, try: 1, graceful: yes) ***",
        ("harakiri", 5000812, 3, {}),
    ),
    ("worker 2 lifetime reached, it was running for 11 second(s)", ("lifetime", WRITER, 2, {})),
    (
        "WSGI app 0 (mountpoint='') ready in 3 seconds on interpreter 0x55d2 pid: 5000812 (default app)",
        ("app_ready", WRITER, 0, {"seconds": 3}),
    ),
    (
        "Python version: 3.13.5 experimental free-threading build (main, Nov 27 2026, 22:55:59) [GCC 12.2.0]",
        ("free_threaded", WRITER, 0, {}),
    ),
    ("Python version: 3.14.0 free-threading build (main, Oct  7 2025)", ("free_threaded", WRITER, 0, {})),
    ("goodbye to uWSGI.", ("goodbye", WRITER, 0, {})),
    ("pack-ready", ("ready", WRITER, 0, {})),
    ("pack-ready 5000812", ("ready", 5000812, 0, {})),
    ("Gracefully killing worker 1 (pid: 5000812)...", ("told", 5000812, 1, {})),
    ("uWSGI worker 2 cheaped.", ("cheaped", WRITER, 2, {})),
    (
        "workers have been inactive for more than 1 seconds (1795573669-1795573667)",
        ("idle", WRITER, 0, {}),
    ),
    ("cheap mode enabled: waiting for socket connection...", ("idle", WRITER, 0, {})),
    ("Wed Nov 25 07:02:16 2026 - graceful shutdown triggered...", ("stopping", WRITER, 0, {})),
    ("SIGINT/SIGTERM received...killing workers...", ("stopping", WRITER, 0, {})),
    ("SIGINT/SIGQUIT received...killing workers...", ("stopping", WRITER, 0, {})),
    ("gracefully (RE)spawned uWSGI master process (pid: 800)", ("master", 800, 0, {})),
]
OTHERS = [
    'running "print:pack-ready" (accepting)...',
    "worker 1 buried after 0 seconds",
    "chain next victim is worker 1",
    "chain is still waiting for worker 1...",
    "chain reloading complete",
    "...gracefully killing workers...",
    "...brutally killing workers...",
    "the app says: Respawned uWSGI worker 1 (new pid: 5)",
    "not pack-ready",
    "pack-ready now",
    "",
]


@pytest.mark.parametrize(("line", "row"), LINES)
def test_known_lines_become_rows(line: str, row: tuple) -> None:
    kind, pid, slot, data = row
    assert parse(line, 42, WRITER) == Event(42, "log", kind, pid, slot, data)


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_become_no_rows(line: str) -> None:
    assert parse(line, 42, WRITER) is None


def test_common_ini_prints_the_line_of_a_ready_worker() -> None:
    assert dict(read_ini(STACKS / "common.ini")["uwsgi"])["hook-accepting"] == f"print:{READY_LINE}"


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Collector, socket.socket, Watched]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ctx, watched = context(tmp_path, log_fd=ours.detach())
    collector = Collector(ctx)
    assert collector.open() == ""
    with theirs:
        yield collector, theirs, watched
    collector.close()


def read_rows(collector: Collector) -> list[tuple[str, int]]:
    return [(event.kind, event.pid) for event in collector.read(collector.context.log_fd)]


def test_an_empty_log_has_no_rows(pair: tuple[Collector, socket.socket, Watched]) -> None:
    assert read_rows(pair[0]) == []


def test_a_line_in_pieces_is_one_row_and_the_file_is_verbatim(
    tmp_path: Path, pair: tuple[Collector, socket.socket, Watched]
) -> None:
    collector, theirs, _ = pair
    pieces = [b"Respawned uWSGI wor", b"ker 1 (new pid: 50008", b"12)\npack", b"-ready\nrest \xff"]
    rows = []
    for piece in pieces:
        theirs.sendall(piece)
        rows.append(read_rows(collector))
    assert rows == [[], [], [("respawned", 5000812)], [("ready", os.getpid())]]
    assert (tmp_path / LOG_FILE).read_bytes() == b"".join(pieces)


def write_as_child(theirs: socket.socket, text: bytes) -> int:
    """Write from a process of its own, as a worker does. Return its pid."""
    pid = os.fork()
    if pid == 0:
        theirs.sendall(text)
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_pieces_of_lines_of_several_writers_are_kept_apart(
    pair: tuple[Collector, socket.socket, Watched],
) -> None:
    collector, theirs, _ = pair
    theirs.sendall(b"Respawned uWSGI wor")
    first = write_as_child(theirs, b"pack-ready\npack-")
    theirs.sendall(b"ker 1 (new pid: 5000812)\n")
    second = write_as_child(theirs, b"pack-ready\n")
    assert read_rows(collector) == [("ready", first), ("respawned", 5000812), ("ready", second)]


@pytest.mark.parametrize(
    ("written", "last_line"),
    [
        (b"one\ntwo\n", "two"),
        (b"one\nno end of the line", "no end of the line"),
        (b'why\nrunning "print:pack-ready" (accepting)...\npack-ready\n\n', "why"),
        (b"x" * 1000 + b"\n", "x" * 300),
        (
            b"why\n!!! uWSGI process 5 got Segmentation Fault !!!\n*** backtrace of 5 ***\nmain\n*** end ***\n",
            "!!! uWSGI process 5 got Segmentation Fault !!!",
        ),
        (b"Fatal Python error: init_sys_streams\n  File x in f\n", "Fatal Python error: init_sys_streams"),
        (b"pack-ready\n", None),
    ],
)
def test_the_row_of_a_death_holds_the_last_line_that_the_worker_wrote(
    pair: tuple[Collector, socket.socket, Watched], written: bytes, last_line: str | None
) -> None:
    collector, theirs, _ = pair
    worker = write_as_child(theirs, written)
    write_as_child(theirs, b"another process\n")
    theirs.sendall(b"DAMN ! worker 1 (pid: %d) died :( trying respawn ...\n" % worker)
    died = collector.read(collector.context.log_fd)[-1]
    assert (died.kind, died.data.get("last_line")) == ("died", last_line)


def test_the_lines_of_a_worker_that_was_reaped_are_forgotten(pair: tuple[Collector, socket.socket, Watched]) -> None:
    collector, theirs, _ = pair
    worker = write_as_child(theirs, b"one\n")
    theirs.sendall(b"worker 1 killed successfully (pid: %d)\n" % worker)
    theirs.sendall(b"DAMN ! worker 1 (pid: %d) died :( trying respawn ...\n" % worker)
    *_, died = collector.read(collector.context.log_fd)
    assert "last_line" not in died.data


def test_the_watch_ends_when_all_writers_have_ended(pair: tuple[Collector, socket.socket, Watched]) -> None:
    collector, theirs, watched = pair
    theirs.sendall(b"goodbye to uWSGI.\n")
    assert list(watched.values()) == [collector]
    theirs.close()
    assert read_rows(collector) == [("goodbye", os.getpid())]
    assert watched == {}


def test_a_pipe_has_every_line_but_no_writer(tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    ctx, watched = context(tmp_path, log_fd=ours)
    collector = Collector(ctx)
    collector.open()
    os.write(theirs, b"pack-ready 5000812\nRespawned uWSGI wor")
    assert read_rows(collector) == [("ready", 5000812)]
    os.write(theirs, b"ker 1 (new pid: 813)\n")
    assert read_rows(collector) == [("respawned", 813)]
    os.close(theirs)
    assert read_rows(collector) == []
    assert watched == {}
    collector.close()


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_the_rows_do_not_depend_on_where_the_writes_are_cut(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    text = "".join(line + "\n" for line, _ in LINES[:6]).encode()
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    ours, theirs = socket.socketpair()
    collector = Collector(context(tmp_path_factory.getbasetemp(), log_fd=ours.detach())[0])
    with theirs:
        rows = [event for a, b in itertools.pairwise(edges) for event in collector._lines(0, text[a:b])]
    collector.close()
    assert [(event.kind, event.pid, event.slot) for event in rows] == [row[:3] for _, row in LINES[:6]]
