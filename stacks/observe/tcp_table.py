"""Reads the TCP sockets of a port from /proc/net/tcp, for where the kernel answers no question (`sock_diag`)."""

from __future__ import annotations

from collections.abc import Iterator

from stacks.observe.proc import PROC

LISTEN = "0A"  # the state TCP_LISTEN in the column `st`


def backlog(port: int) -> int | None:
    """Return how many connections wait in the accept queue of a TCP port; None if no process listens on it."""
    queues = [int(fields[4].split(":")[1], 16) for fields in sockets_of(port) if fields[3] == LISTEN]
    return sum(queues) if queues else None


def sockets_of(port: int) -> Iterator[list[str]]:
    """Yield the fields of every line of /proc/net/tcp and tcp6 that has `port` as its local port."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text(errors="replace").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if int(fields[1].rsplit(":", 1)[1], 16) == port:
                yield fields
