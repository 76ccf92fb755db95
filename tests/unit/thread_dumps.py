"""Reads the recorded threads of tests/data/threads, and makes rows and looks of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rows import row

from stacks.lifecycle.records import Event
from stacks.lifecycle.thread_looks import ThreadLook
from stacks.observe import python_threads

FOLDER = Path(__file__).resolve().parents[1] / "data" / "threads"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def dumps(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The recorded master and worker."""
    master, worker = json.loads((FOLDER / f"{name}.json").read_text())
    return master, worker


def thread_row(recorded: dict[str, Any], role: str, when: str, t: float = 1.0, **changes: Any) -> Event:
    """The row that the collector makes of recorded threads."""
    data = {
        "role": role,
        "when": when,
        "file": "",
        "parent": recorded["parent"],
        "python": "3.12",
        "threads": python_threads.parse(json.dumps(recorded["dump"])),
        "tasks": recorded["tasks"],
        "reason": "",
    }
    return row(t, "threads", recorded["pid"], source="python_threads", **(data | changes))


def looks_of(name: str, when: str, **changes: Any) -> tuple[ThreadLook, ThreadLook]:
    """The looks at the recorded master, and at the worker with `when` and `changes`."""
    master, worker = dumps(name)
    return ThreadLook.of(thread_row(master, "master", "ready")), ThreadLook.of(
        thread_row(worker, "worker", when, **changes)
    )


def old_python(name: str) -> list[dict[str, Any]]:
    """The recorded threads of a worker, as Python 3.10 shows them: without thread ids."""
    return [{**thread, "tid": None} for thread in python_threads.parse(json.dumps(dumps(name)[1]["dump"]))]
