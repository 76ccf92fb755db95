"""Starts Locust with the recorder, and a tiny server, as processes. Reads the rows that the recorder wrote."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.integration.ui_process import session_pids
from tests.patience import LIMIT_S, until
from tests.quiet_port import quiet_port

HERE = Path(__file__).resolve().parent
LOCUSTFILES = HERE.parents[2] / "locustfiles"
COMPLETE = "# complete\n"
NUMBERS = ("scheduled_ns", "start_ns", "latency_us", "status", "slot", "pid", "bytes")


@contextlib.contextmanager
def tiny_server(directory: Path, *options: str) -> Iterator[dict[str, Any]]:
    """Start the tiny server. Yield its ports and paths."""
    command = [sys.executable, str(HERE / "tiny_server.py"), str(directory), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield json.loads(server.stdout.readline())
        finally:
            server.communicate(timeout=LIMIT_S)


def counts(where: dict[str, Any]) -> tuple[int, int]:
    """Ask the server for the number of requests that it has taken, and how many of them hang."""
    with urllib.request.urlopen(f"http://127.0.0.1:{where['http']}/count", timeout=LIMIT_S) as response:
        taken, hanging = json.loads(response.read())
    return taken, hanging


def answered(where: dict[str, Any]) -> int:
    """Ask the server for the number of requests that it has taken."""
    return counts(where)[0]


@contextlib.contextmanager
def locust(directory: Path, scenario: str, where: dict[str, Any], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start Locust without a web UI on the text of a scenario. At the end, wait for it, and kill all its processes."""
    path = directory / "scenario.py"
    path.write_text(scenario)
    command = [sys.executable, "-m", "locust", "-f", f"{path},{LOCUSTFILES / 'recording/_recorder.py'}", "--headless"]
    command += ["--host", f"http://127.0.0.1:{where['http']}", "--exit-code-on-error", "0", *options]
    port = str(quiet_port())  # with --processes: the masters of two tests at once must not share Locust's usual port
    command += ["--master-bind-port", port, "--master-port", port]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "PACK_"))}
    environment |= {"PACK_RECORD_DIR": str(directory), "PYTHONPATH": str(LOCUSTFILES)}
    with (directory / "locust.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
        process.wait(LIMIT_S)
        until(lambda: not session_pids(process.pid))  # Locust's master does not wait for its workers
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)


def parts(directory: Path) -> dict[int, tuple[list[dict[str, Any]], bool]]:
    """Return (rows, whether the file is complete) by pid. An incomplete last line is left out."""
    by_pid = {}
    for path in directory.glob("requests-*.tsv"):
        text = path.read_text()
        is_complete = text.endswith(COMPLETE)
        text = text.removesuffix(COMPLETE)
        rows: list[dict[str, Any]] = list(
            csv.DictReader(text[: text.rfind("\n") + 1].splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
        )
        for row in rows:
            row |= {name: int(row[name]) for name in NUMBERS}
        by_pid[int(path.stem.partition("-")[2])] = (rows, is_complete)
    return by_pid


def all_rows(directory: Path) -> list[dict[str, Any]]:
    """Return the rows of all processes. Each file must be complete."""
    by_pid = parts(directory)
    assert all(is_complete for _, is_complete in by_pid.values()), (directory / "locust.log").read_text()
    return [row for rows, _ in by_pid.values() for row in rows]
