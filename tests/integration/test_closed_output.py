"""`check ... | true` and `loadtest | true`: verdict, exit code and files are the same as without the pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stacks.catalogue import venvs
from tests.patience import LIMIT_S

from .conftest import ROOT, unless_held_up


def run_unread(results: Path, *arguments: str) -> int:
    """Run a command whose stdout and stderr nobody reads. Return its exit code."""
    command = [sys.executable, "-m", "stacks", *arguments]

    def run() -> int:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=writer, timeout=LIMIT_S, check=False)
        os.close(writer)
        return done.returncode

    return unless_held_up(run, results)


def test_a_check_that_nobody_reads(tmp_path: Path, results: Path, venv: Callable[[str], venvs.Venv]) -> None:
    (tmp_path / "app.py").write_text("def application(e, s):\n    s('200 OK', [])\n    return [b'x']\n")
    ini = tmp_path / "uwsgi.ini"
    ini.write_text("[uwsgi]\nmaster = true\nprocesses = 2\nenable-threads = true\nhttp-socket = :80\nmodule = app\n")
    files = [tmp_path / "check.json", tmp_path / "check.xml"]
    code = run_unread(
        results,
        *("check", f"--ini={ini}", f"--uwsgi={venv('py312-2.0.26').uwsgi}"),
        *(f"--json={files[0]}", f"--junit={files[1]}"),
    )
    assert code == 3
    assert json.loads(files[0].read_text())["verdict"] == "hung_worker"
    assert "<failure" in files[1].read_text()
    assert [path.name for path in results.glob("check-*/check.json")] == ["check.json"]


def test_a_loadtest_that_nobody_reads(results: Path, venv: Callable[[str], venvs.Venv]) -> None:
    venv("py312-2.0.30.post1")
    arguments = ("--stack=threads", "--version=py312-2.0.30.post1", "--trials=1", "--workers=4")
    assert run_unread(results, "loadtest", *arguments) == 0
    (summary,) = results.glob("2*/summary.json")
    assert json.loads(summary.read_text())["cells"][0]["verdict"] == "recovers"
    assert summary.with_name("report.html").exists()
