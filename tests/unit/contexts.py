"""Helps to test collectors: a context without an observer, children that wait in a known way, and waiting itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.observe.collectors import Base, Context


class Watched(dict[int, Base]):
    """The file descriptors that collectors watch, and the collector of each."""


def context(directory: Path, *, master_pid: int = 0, port: int = 0, log_fd: int = -1) -> tuple[Context, Watched]:
    """Return a context whose clock always shows 42 ns, and the file descriptors that are watched through it."""
    watched = Watched()
    lifecycle = Lifecycle()
    lifecycle.masters.pid = master_pid
    ctx = Context(
        directory,
        master_pid or os.getpid(),
        port,
        log_fd,
        lifecycle,
        watched.__setitem__,
        lambda fd: watched.pop(fd, None),
        clock=lambda: 42,
    )
    return ctx, watched


@contextmanager
def python(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `code` in a child, which is yielded after its first line of output and killed at the end."""
    child = subprocess.Popen(
        [sys.executable, "-u", "-c", code, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=str(Path(__file__).resolve().parents[2])),
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
