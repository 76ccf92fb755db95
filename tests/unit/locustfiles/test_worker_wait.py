"""A worker of Locust whose master never comes ends after PACK_MASTER_LIMIT_S; without it, Locust waits for 305 s."""

from __future__ import annotations

import os
import subprocess
import sys

from stacks.catalogue import ROOT, SCENARIOS
from stacks.run.ports import free_port

RECORDER = SCENARIOS / "recording" / "_recorder.py"


def test_a_worker_whose_master_was_killed_ends_by_itself() -> None:
    command = [sys.executable, "-m", "locust", "-f", f"{SCENARIOS / 'steady.py'},{RECORDER}", "--worker"]
    command += ["--master-port", str(free_port())]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PACK_MASTER_LIMIT_S": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Failed to connect to the Locust master" in done.stderr
    assert done.returncode != 0
