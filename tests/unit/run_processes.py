"""Stands in for the processes of runs: small Python programs behind a RunProcess, which end with the test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stacks.run.run_process import RunProcess

Starter = Callable[..., RunProcess]  # (code="input()", index=0) -> a RunProcess that executes the code


@contextmanager
def starter(directory: Path) -> Iterator[Starter]:
    """Hand out a function that starts such a process with `directory` as its run's directory."""
    started: list[RunProcess] = []

    def start(code: str = "input()", index: int = 0) -> RunProcess:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        started.append(RunProcess(index, directory, process))
        return started[-1]

    yield start
    for run in started:
        run.process.kill()
        run.process.wait()
        for pipe in (run.process.stdin, run.process.stdout):
            if pipe is not None:
                pipe.close()
