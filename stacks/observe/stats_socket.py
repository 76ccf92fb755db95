"""uWSGI's own statistics, read once and after the verdict, because reading them wakes the master."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

FILE = "stats"  # where a stack that has them puts them: stats = $(PACK_RUN)/stats
LIMIT_S = 2.0  # of a master that is well, a read takes about a millisecond
FIELDS = ("id", "pid", "status", "accepting", "requests", "delta_requests", "respawn_count")


def read(private: Path) -> list[dict[str, Any]] | None:
    """What they say of each worker; None where the stack has none, or its master does not answer."""
    path = private / FILE
    if not path.is_socket():
        return None
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(LIMIT_S)
            connection.connect(str(path))
            said = json.loads(b"".join(iter(lambda: connection.recv(1 << 16), b"")))
    except (OSError, ValueError):
        return None
    return [{name: worker[name] for name in FIELDS} for worker in said["workers"]]
