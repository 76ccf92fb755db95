"""Builds the requests of a run by hand, for the tests of outages and of ways."""

from __future__ import annotations

from rows import at

from stacks.lifecycle.outages import Request


def answers(begin: float, end: float, every: float = 0.01, status: int = 200) -> list[Request]:
    """Requests that are answered after 5 ms, `every` seconds one."""
    count = round((end - begin) / every)
    return [Request(at(begin + i * every), 5000, status, "", 7) for i in range(count)]


def lost(t: float, error: str, seconds: float = 0.0) -> Request:
    return Request(at(t), round(seconds * 1e6), 0, error, 0)
