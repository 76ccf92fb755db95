"""Looks at the processes that a stop signal has not ended, before they are killed: their roles and their waits.

The result stands in `stop.unstopped` of run.json. A backtrace takes gdb about half a second, so one process gets one: a
worker if there is one, because the master of a worker that does not end only waits for it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import EVIDENCE_DIR
from stacks.observe import native_stacks, proc, waits


def look_at(
    pids: Sequence[int], masters: Collection[int], starting: Collection[int], directory: Path, *, with_backtrace: bool
) -> list[dict[str, Any]]:
    """Return one entry for each of `pids`: its pid, its role, the waits of its threads and its frames.

    `starting` are the workers that were not ready yet when the signal came.

    `frames` are the function names of the main thread, innermost first; they are empty without a backtrace, whose text
    goes to evidence/ below `directory`.
    """
    ordered = sorted(pids, key=lambda pid: pid in masters)
    return [
        {
            "pid": pid,
            "role": "master" if pid in masters else "worker",
            "starting": pid in starting,
            "waits": _waits(pid),
            "frames": _frames(pid, directory) if with_backtrace and pid == ordered[0] else [],
        }
        for pid in ordered
    ]


def _waits(pid: int) -> list[str]:
    tasks = proc.PROC / str(pid) / "task"
    try:
        tids = sorted(os.listdir(tasks), key=int)
    except OSError:
        return []
    return [waits.wait_of(tasks / tid, tids) for tid in tids]


def _frames(pid: int, directory: Path) -> list[str]:
    try:
        done = subprocess.run(
            native_stacks.command(pid),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=native_stacks.LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    text = done.stdout.decode(errors="replace")
    folder = directory / EVIDENCE_DIR
    with contextlib.suppress(OSError):  # a full disk: the frames stand in run.json as well
        folder.mkdir(exist_ok=True)
        (folder / f"backtrace-{pid}.txt").write_text(text, encoding="utf-8")
    return native_stacks.main_thread_frames(text)
