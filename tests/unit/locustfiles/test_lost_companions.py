"""A Locust of a run on many hosts that misses another process ends by itself, and leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stacks.catalogue import ROOT, SCENARIOS
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

RECORDER = SCENARIOS / "recording" / "_recorder.py"


def locust(scenario: Path, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "locust", "-f", f"{scenario},{RECORDER}", *map(str, arguments)]
    environment = os.environ | variables
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def test_a_worker_whose_master_was_killed_does_not_wait_for_300_s() -> None:
    done = locust(SCENARIOS / "steady.py", "--worker", "--master-port", quiet_port(), PACK_MASTER_LIMIT_S="1")
    assert "Failed to connect to the Locust master" in done.stderr
    assert done.returncode != 0


def test_a_locust_whose_load_agent_was_killed_removes_its_spool(tmp_path: Path) -> None:
    scenario, temporary = tmp_path / "scenario.py", tmp_path / "tmp"
    temporary.mkdir()
    scenario.write_text(f"import sys\n{(SCENARIOS / 'steady.py').read_text()}\nsys.executable = '/bin/false'\n")
    done = locust(
        scenario,
        *("--headless", "-t", "1s", "--host", f"http://127.0.0.1:{quiet_port()}"),
        PACK_LOCATION=str(tmp_path / "location"),
        TMPDIR=str(temporary),
    )
    assert "This host takes no part" in done.stderr
    assert done.returncode == 1
    assert list(temporary.iterdir()) == []
