"""Finds a TCP port for a test that hands it to another program, which listens on it later."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from stacks.run.ports import free_port

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000  # well-known servers listen below
CHANCE = random.SystemRandom()  # Hypothesis sets the seed of the usual one


def quiet_port() -> int:
    """Return a free TCP port that the kernel gives to nobody who asks for any port.

    A port of `free_port` may be another process's a moment later: each connection on this machine takes such a port.
    """
    first = int(EPHEMERAL.read_text().split()[0])
    while first > LOWEST:
        port = CHANCE.randrange(LOWEST, first)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return free_port()  # this machine gives away every port
