"""Locust with the recorder as a process, and its rows; a tiny server as another one."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LOCUSTFILES = HERE.parents[2] / "locustfiles"
COMPLETE = "# complete\n"
LIMIT_S = 30.0
NUMBERS = ("scheduled_ns", "start_ns", "latency_us", "status", "slot", "pid", "bytes")


@contextlib.contextmanager
def tiny_server(directory: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Where the server listens."""
    command = [sys.executable, str(HERE / "tiny_server.py"), str(directory), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.communicate(timeout=LIMIT_S)


def answered(where: dict[str, Any]) -> int:
    """How many requests the server says it has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{where['http']}/count", timeout=LIMIT_S) as response:
        return int(response.read())


@contextlib.contextmanager
def locust(directory: Path, scenario: str, where: dict[str, Any], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Locust, headless, on the text of a scenario; killed with all its processes when it does not end."""
    path = directory / "scenario.py"
    path.write_text(scenario)
    command = [sys.executable, "-m", "locust", "-f", f"{path},{LOCUSTFILES / 'recording/_recorder.py'}", "--headless"]
    command += ["--host", f"http://127.0.0.1:{where['http']}", "--exit-code-on-error", "0", *options]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "PACK_"))}
    environment |= {"PACK_RECORD_DIR": str(directory), "PYTHONPATH": str(LOCUSTFILES)}
    with (directory / "locust.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
        process.wait(LIMIT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def parts(directory: Path) -> dict[int, tuple[list[dict[str, Any]], bool]]:
    """The rows of each process, whole lines only, and whether its part is complete."""
    found = {}
    for path in directory.glob("requests-*.tsv"):
        text = path.read_text()
        ended = text.endswith(COMPLETE)
        text = text.removesuffix(COMPLETE)
        rows: list[dict[str, Any]] = list(
            csv.DictReader(text[: text.rfind("\n") + 1].splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        )
        for row in rows:
            row |= {name: int(row[name]) for name in NUMBERS}
        found[int(path.stem.partition("-")[2])] = (rows, ended)
    return found


def all_rows(directory: Path) -> list[dict[str, Any]]:
    """Of every process, each of which must be complete."""
    found = parts(directory)
    assert all(ended for _, ended in found.values()), (directory / "locust.log").read_text()
    return [row for rows, _ in found.values() for row in rows]
