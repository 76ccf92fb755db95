"""Starts `python -m stacks run DIRECTORY` for commands that wait for one run, and ends it in order at an interrupt.

A run that gets SIGTERM stops its stack, removes its private directory and writes its files. So it must get SIGTERM
before anything is killed. (subprocess.run kills its process at an interrupt.)
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stacks.catalogue import ROOT
from stacks.observe import proc
from stacks.run import interrupts, run_end, supervisor


def command(directory: Path) -> list[str]:
    """Return the command that executes the run planned in `directory`, and ends when this process ends."""
    return [sys.executable, *supervisor.RUN, str(directory), "--parent", str(os.getpid())]


@contextmanager
def running(directory: Path, **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Execute the run planned in `directory` during the block, and wait for its end after the block.

    `options` are those of Popen. The run has a session of its own, so Ctrl-C reaches only the command. At a
    KeyboardInterrupt every process below this one ends, runs in order, before the exception goes on. run.json says how
    the run ended in any case.
    """
    try:
        with subprocess.Popen(command(directory), cwd=ROOT, start_new_session=True, **options) as process:
            yield process
            process.wait()
        await_orphaned_observer(process, directory)
    except KeyboardInterrupt:
        interrupts.ignore()
        supervisor.sweep()
        raise
    finally:
        run_end.record_killed_observer(directory)


def await_orphaned_observer(process: subprocess.Popen[Any], directory: Path) -> None:
    """Wait for the observer of the run in `directory` if its guard, `process`, was killed: it still cleans up."""
    end_s = time.monotonic() + supervisor.ASK_LIMIT_S
    while process.returncode == -signal.SIGKILL and _has_observer(directory) and time.monotonic() < end_s:
        time.sleep(supervisor.POLL_S)


def _has_observer(directory: Path) -> bool:
    """Return True if the observer of the run in `directory` is below this process."""
    return any(
        proc.name(pid) == supervisor.OBSERVER and str(directory) in proc.command_line(pid)
        for pid in proc.descendants(os.getpid())
    )
