"""Histories for the tests of the web UI: of the golden runs, and of rows that a test names."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._history import History

RUNS = sorted((Path(__file__).resolve().parents[2] / "data" / "runs").glob("*/run.json"))
SECOND_NS = 1_000_000_000


def golden_history(run: Path, piece: int = 1 << 20) -> History:
    """Return the history of a golden run, fed in pieces of so many bytes and looked at in between."""
    data = (run.parent / "events.jsonl").read_bytes()
    history = History()
    for at in range(0, len(data), piece):
        history.feed(data[at : at + piece])
        if at % (7 * piece) == 0:
            history.open_episodes()
    return history


def history_of(*rows: tuple[float, str, dict[str, Any]]) -> History:
    """Return the history of these rows: (seconds, kind, other fields)."""
    history = History()
    for t_s, kind, more in rows:
        line = {"t_ns": int(t_s * SECOND_NS), "source": "log", "kind": kind, **more}
        history.feed(json.dumps(line).encode() + b"\n")
    return history


def recycled() -> History:
    """Slot 1 recycles once. The worker of slot 2 leaves, and no worker replaces it."""
    return history_of(
        (1.0, "spawned", {"slot": 1, "pid": 11}),
        (1.0, "spawned", {"slot": 2, "pid": 12}),
        (1.1, "ready", {"pid": 11}),
        (1.1, "ready", {"pid": 12}),
        (2.0, "load_begin", {}),
        (3.0, "exit_begun", {"pid": 11}),
        (3.1, "exited", {"pid": 11}),
        (3.5, "respawned", {"slot": 1, "pid": 13}),
        (3.9, "ready", {"pid": 13}),
        (4.0, "exit_begun", {"pid": 12}),
        (4.1, "exited", {"pid": 12}),
    )


@dataclass
class FakeStack:
    """What the view uses of a stack."""

    history: History
    is_over: bool = False
    phase: str = "loading"
    error: str = ""
    verdict: dict[str, Any] | None = None
    helps: list[str] = field(default_factory=list)
    page: Path | None = None
    directory: str | None = "results/x"
    choice: dict[str, Any] = field(default_factory=lambda: {"stack": "threads", "version": "v"})
