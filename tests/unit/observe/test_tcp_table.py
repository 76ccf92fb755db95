"""The accept queue of a TCP port, from /proc/net/tcp."""

from __future__ import annotations

import socket

import pytest

from stacks.observe import tcp_table
from tests.patience import until


def bound(family: int, address: str) -> socket.socket:
    """Return a socket with a port on which nothing listens, on any address."""
    while True:
        listener = socket.socket(family)
        try:
            listener.bind((address, 0))
        except OSError as error:
            listener.close()
            pytest.skip(str(error))
        if tcp_table.backlog(listener.getsockname()[1]) is None:
            return listener
        listener.close()


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_the_accept_backlog_of_a_port(family: int, address: str) -> None:
    with bound(family, address) as listener:
        port = listener.getsockname()[1]
        listener.listen(8)
        assert tcp_table.backlog(port) == 0
        clients = [socket.create_connection((address, port)) for _ in range(3)]
        until(lambda: tcp_table.backlog(port) == 3)
        listener.accept()[0].close()
        assert tcp_table.backlog(port) == 2
        for client in clients:
            client.close()
    assert tcp_table.backlog(port) is None
