"""`judge`, killed at the worst moment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from stacks.catalogue import ROOT
from tests.patience import LIMIT_S

# Kills the judge when its run is planned and does not exist yet.
KILLED = """
import os, signal, sys
from stacks.__main__ import main
from stacks.run import run_command
run_command.running = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(main(["judge", "--stack=threads", f"--uwsgi={sys.executable}"]))
"""


def test_a_judge_that_is_killed_before_its_run_begins_leaves_no_running_run(tmp_path: Path) -> None:
    """The run that it has planned said `running` for ever."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=ROOT,
        env={"TMPDIR": str(tmp_path), "PACK_RESULTS": str(tmp_path / "results")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr.startswith("cannot tell: the judge was killed; ")
    (file,) = (tmp_path / "results").glob("judge-*/run.json")
    record = json.loads(file.read_text())
    assert (record["status"], record["error"]) == ("interrupted", "the command was killed before its verdict")
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
