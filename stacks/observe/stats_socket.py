"""Reads uWSGI's stats socket: once and after the verdict, because reading it wakes the master."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

FILE = "stats"  # the socket's name in the run's private directory: stats = $(PACK_RUN)/stats
LIMIT_S = 2.0  # a master that is well answers in about a millisecond
FIELDS = ("id", "pid", "status", "accepting", "requests", "delta_requests", "respawn_count")


def read(private: Path) -> list[dict[str, Any]] | None:
    """Return FIELDS of each worker; None if the stack has no stats socket or its master does not answer."""
    path = private / FILE
    if not path.is_socket():
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LIMIT_S)
            connection.connect(str(path))
            statistics = json.loads(b"".join(iter(lambda: connection.recv(1 << 16), b"")))
    except (OSError, ValueError):
        return None
    return [{name: worker[name] for name in FIELDS} for worker in statistics["workers"]]
