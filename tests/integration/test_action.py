"""The steps of action.yml, as a runner of GitHub executes them: with bash, an environment, and files for its outputs.

The wheel is built and installed as a user installs it, so these tests cover the installed pack as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from stacks.catalogue import uv, venvs
from tests.patience import LIMIT_S

from .conftest import ROOT, unless_held_up

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
APP = "def application(e, s):\n    s('200 OK', [])\n    return [b'x']\n"
INI = "[uwsgi]\nmaster = true\nprocesses = 2\nenable-threads = true\nhttp-socket = :8000\nmodule = app\n"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


class Runner:
    """Executes steps of the action with the inputs of a workflow."""

    def __init__(self, temp: Path, workspace: Path, **inputs: str) -> None:
        self.temp, self.workspace, self.inputs = temp, workspace, inputs
        self.summary, self.output = temp / "summary.md", temp / "output"

    def step(self, number: int) -> subprocess.CompletedProcess[str]:
        step = ACTION["runs"]["steps"][number]
        named = {name: self.fill(value) for name, value in step["env"].items()}
        github = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(self.output), "GITHUB_WORKSPACE": str(self.workspace)}
        github |= {"GITHUB_STEP_SUMMARY": str(self.summary), "RUNNER_TEMP": str(self.temp)}
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PACK_", "PYTHON"))}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env=environment | github | named,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def fill(self, text: str) -> str:
        """Replace `${{ inputs.NAME }}` by the input or its default, and the path of the action by the clone."""
        text = text.replace("${{ github.action_path }}", str(ROOT))
        defaults = {name: value.get("default", "") for name, value in ACTION["inputs"].items()}
        return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: (defaults | self.inputs)[match[1]], text)


@pytest.fixture(scope="session")
def installed(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A folder of a runner in which the first step of the action has installed the pack."""

    def install(folder: Path) -> None:
        done = Runner(folder, folder, python=sys.executable).step(0)
        assert done.returncode == 0, done.stderr

    return once("action", install)


@pytest.fixture
def runner(installed: Path, tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> Callable[..., Runner]:
    """Return a function that makes a runner for a configuration in a workspace of its own."""

    def make(version: str, **inputs: str) -> Runner:
        temp, workspace = (Path(tempfile.mkdtemp(dir=tmp_path)) for _ in range(2))
        (temp / "respawn-pack").symlink_to(installed / "respawn-pack")
        (workspace / "app.py").write_text(APP)
        (workspace / "uwsgi.ini").write_text(INI)
        return Runner(temp, workspace, ini="uwsgi.ini", uwsgi=str(venv(version).uwsgi), **inputs)

    return make


def test_workers_that_come_back_pass(runner: Callable[..., Runner], tmp_path: Path) -> None:
    def run() -> tuple[Runner, subprocess.CompletedProcess[str]]:
        # On a busy machine each of the 8 users may lose a request to its timeout.
        one = runner("py312-2.0.30.post1", options="--ways recycle --max-lost 8 --max-hang-rate 5%")
        return one, one.step(1)

    one, done = unless_held_up(run, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = dict(line.split("=", 1) for line in one.output.read_text().splitlines())
    value: dict[str, Any] = json.loads(Path(outputs["json"]).read_text())
    assert (value["verdict"], [row["passes"] for row in value["thresholds"]]) == ("recovers", [True, True])
    assert "<testsuite" in Path(outputs["junit"]).read_text()
    assert one.summary.read_text().startswith("### ✅ The workers come back")
    assert sorted(path.name for path in one.workspace.iterdir()) == ["app.py", "uwsgi.ini"]


def test_workers_that_hang_fail_at_their_line(runner: Callable[..., Runner]) -> None:
    one = runner("py312-2.0.26", options="--static")
    assert one.step(1).returncode == 3
    one = runner("py312-2.0.26", options="--ways recycle")
    done = one.step(1)
    assert done.returncode == 3
    assert "::error file=uwsgi.ini,line=4::The workers do not come back (hung_worker)" in done.stderr
    assert one.summary.read_text().startswith("### ❌ The workers do not come back")


def test_the_wheel_is_small_and_holds_one_package(tmp_path: Path) -> None:
    program = uv.find_uv()
    if program is None:
        pytest.skip("uv is not installed")
    subprocess.run([program, "build", "-q", "--wheel", "-o", tmp_path, ROOT], check=True, timeout=LIMIT_S)
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 2_000_000
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", wheel], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]
    tops = {name.split()[0].split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"uwsgi_respawn_pack"}
    assert not any("__pycache__" in name or "results/" in name for name in names)


def test_the_installed_program_lists_what_it_brings_and_reads_no_other_stacks(installed: Path, tmp_path: Path) -> None:
    """A folder `stacks` in the working directory, or another package of that name, is not taken for the pack's."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "__init__.py").write_text("raise SystemExit('another stacks')")
    program = installed / "respawn-pack" / "bin" / "uwsgi-respawn-pack"
    done = subprocess.run([program, "list"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "threads-lazy" in done.stdout
    done = subprocess.run([program, "summary"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "uwsgi-respawn-pack[analysis]" in done.stderr) == (1, True)
