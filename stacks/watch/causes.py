"""Names why a worker ended, from its exit status or its signal (uwsgi.h)."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from stacks.observe import ends
from stacks.watch import view

_EXITS = {
    0: view.RECYCLED,
    ends.GOODBYE: view.RECYCLED,
    ends.RELOADED: view.RELOADED,
    ends.CHEAPED: view.CHEAPED,
}
_WORDS = {
    view.RECYCLED: "it said goodbye (max-requests, lifetime or memory limit)",
    view.RELOADED: "it was asked to leave for a reload",
    view.CHEAPED: "its master wants fewer workers",
    view.UNKNOWN: "nobody saw how",
}


def of(data: Mapping[str, Any]) -> str:
    """Return the cause of an end from the data of the row `exited`."""
    if "signal" in data:
        return view.KILLED if data["signal"] == signal.SIGKILL else view.CRASHED
    if "exit_status" not in data:
        return view.UNKNOWN
    return _EXITS.get(data["exit_status"], view.CRASHED)


def describe(data: Mapping[str, Any]) -> str:
    """Return the cause of an end in words."""
    if "signal" in data:
        return f"signal {data['signal']}"
    cause = of(data)
    return _WORDS.get(cause) or f"exit status {data['exit_status']}"
