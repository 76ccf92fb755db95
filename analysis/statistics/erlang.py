"""Waiting for a free worker: Erlang C (M/M/c), in erlangs and seconds."""

from __future__ import annotations

import math


def wait_probability(load: float, servers: int) -> float:
    """The probability to wait at all; 1 where the load is not less than the servers."""
    if load < 0 or servers < 1:
        raise ValueError(f"a load of {load} on {servers} servers")
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang B, built up one server at a time, because factorials overflow
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))


def wait_beyond(load: float, servers: int, service_s: float, limit_s: float) -> float:
    """The probability to wait longer than `limit_s`."""
    if load >= servers:
        return 1.0
    return wait_probability(load, servers) * math.exp(-(servers - load) * limit_s / service_s)


def mean_wait_s(load: float, servers: int, service_s: float) -> float:
    """The mean wait of all, those who do not wait included."""
    return wait_probability(load, servers) * service_s / (servers - load) if load < servers else math.inf


def servers_for(load: float, service_s: float, limit_s: float, share: float = 0.01, most: int = 10_000) -> int | None:
    """The fewest servers with which less than `share` waits longer than `limit_s`; None beyond `most`."""
    least = max(1, math.floor(load) + 1)
    if limit_s <= 0:
        return None
    return next((c for c in range(least, most + 1) if wait_beyond(load, c, service_s, limit_s) < share), None)
