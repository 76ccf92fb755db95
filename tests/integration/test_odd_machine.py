"""A run on an odd machine: few file descriptors, one processor, no HOME, no TMPDIR, locale C, umask 077, long paths."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stacks import catalogue
from stacks.catalogue.venvs import Venv

LIMIT_S = 120


def odd() -> None:
    """Make the child's surroundings odd."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def test_a_run_with_little_of_everything(venv: Callable[[str], Venv], tmp_path: Path) -> None:
    results = tmp_path / f"a path with spaces {'x' * 150}"
    done = subprocess.run(
        [sys.executable, "-m", "stacks", "judge", "--stack", "threads"]
        + ["--uwsgi", str(venv("py312-2.0.30.post1").uwsgi)],
        cwd=catalogue.ROOT,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PACK_RESULTS": str(results)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        start_new_session=True,
        preexec_fn=odd,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "good: recovers" in done.stdout
    assert list(results.glob("judge-*/run.json"))
