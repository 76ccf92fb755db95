"""Computes how long requests wait for a free worker: the Erlang C formula of the M/M/c queue.

`load` is in erlangs: arrivals a second times seconds of service. A server is a worker, or a thread of a worker. Times
are seconds, probabilities are shares from 0 to 1. Source: L. Kleinrock, Queueing Systems, volume 1 (1975), M/M/m queue.
"""

from __future__ import annotations

import math


def wait_probability(load: float, servers: int) -> float:
    """Return the probability that a request waits (Erlang C); 1 if the load is not below the number of servers.

    Raises ValueError for a negative load and for less than one server.
    """
    if load < 0 or servers < 1:
        raise ValueError(f"a load of {load} on {servers} servers")
    if load >= servers:
        return 1.0
    blocked = 1.0  # Erlang B by its recursion over the servers: the factorials of the closed form overflow
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))


def wait_beyond(load: float, servers: int, service_s: float, limit_s: float) -> float:
    """Return the probability that a request waits longer than `limit_s`: C exp(-(servers - load) limit / service)."""
    if load >= servers:
        return 1.0
    return wait_probability(load, servers) * math.exp(-(servers - load) * limit_s / service_s)


def mean_wait_s(load: float, servers: int, service_s: float) -> float:
    """Return the mean wait of all requests, with 0 for those that do not wait; infinite if the load is too high."""
    return wait_probability(load, servers) * service_s / (servers - load) if load < servers else math.inf


def servers_for(load: float, service_s: float, limit_s: float, share: float = 0.01, most: int = 10_000) -> int | None:
    """Return the least number of servers with which less than `share` of the requests waits longer than `limit_s`.

    None if `limit_s` is not positive, and if more than `most` servers are needed.
    """
    least = max(1, math.floor(load) + 1)
    if limit_s <= 0:
        return None
    return next((c for c in range(least, most + 1) if wait_beyond(load, c, service_s, limit_s) < share), None)
