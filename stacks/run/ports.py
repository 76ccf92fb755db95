"""Finds a free TCP port on the loopback address, so that no port is fixed."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a TCP port that no process uses at this moment. Another process may take it before the caller does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
