"""Real uWSGI for the tests: the wheels, one run by hand, and a look at what is left behind."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pytest
from contract import problems, problems_below

from stacks import catalogue
from stacks.catalogue import interpreters, venvs
from stacks.check.result_page import PAGE_FILE
from stacks.lifecycle.records import RUN_FILE
from stacks.observe import proc
from stacks.run.run_directory import write_plan
from tests.patience import LIMIT_S

T = TypeVar("T")
ROOT = catalogue.ROOT
HELD_UP = "held up"  # so an observer says that the machine stalled it, and that the run is to be repeated


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.uwsgi)


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's commands put their campaigns: tests run side by side, and each has its own `latest`."""
    own = tmp_path / "results"
    monkeypatch.setenv("PACK_RESULTS", str(own))
    return own


@pytest.fixture(scope="session")
def venv() -> Callable[[str], venvs.Venv]:
    """The environment of a version by its id; skips where it cannot be had."""
    versions = catalogue.load().versions

    @cache
    def ensure(version: str) -> venvs.Venv:
        row = versions[version]
        try:
            return venvs.ensure(row.python, row.package, row.pin)
        except (interpreters.NotFound, venvs.VenvError) as error:
            pytest.skip(f"{version}: {error}")

    return ensure


def unless_held_up(attempt: Callable[[], T], results: Path) -> T:
    """Return what `attempt` returns. As long as the machine holds a run of it up, repeat it without what it left.

    `results` is the directory below which its runs are. After LIMIT_S, the next attempt is the last one.
    """
    end_s = time.monotonic() + LIMIT_S
    before = set(results.glob("*"))
    while True:
        value = attempt()
        left = set(results.glob("*")) - before
        files = [file for path in left for file in (path, *path.rglob("*")) if file.suffix == ".json"]
        if not any(HELD_UP in file.read_text() for file in files) or time.monotonic() > end_s:
            return value
        for path in left:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


@dataclass
class Check:
    """What `python -m stacks check` left.

    `said` is what it printed, and its page. `value` is the content of the file that `--json` names.
    """

    code: int
    said: str
    value: dict[str, Any]


def run_check(file: Path, *arguments: str, **environment: str) -> Check:
    """Run a check, whose JSON goes to `file`, and again if it was held up. The JSON must be as its schema says."""
    results = Path((os.environ | environment)["PACK_RESULTS"])
    return unless_held_up(lambda: _run_check(file, *arguments, **environment), results)


def _run_check(file: Path, *arguments: str, **environment: str) -> Check:
    done = subprocess.run(
        [sys.executable, "-m", "stacks", "check", "--json", str(file), *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    value = json.loads(file.read_text())
    assert problems("check", value) == []
    page = Path(value.get("directory", "")) / PAGE_FILE
    if page.is_file():
        said += html.unescape(page.read_text())
    return Check(done.returncode, said, value)


@dataclass
class Loadtest:
    """What `python -m stacks loadtest` left."""

    code: int
    said: str
    directory: Path

    @property
    def cells(self) -> list[dict[str, Any]]:
        return list(json.loads((self.directory / "summary.json").read_text())["cells"])

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self.directory.glob("*/run.json"))]


@pytest.fixture
def loadtest(results: Path) -> Callable[..., Loadtest]:
    """Run a campaign to its end, and again if a run of it was held up."""

    def run(*arguments: str) -> Loadtest:
        return unless_held_up(lambda: run_once(*arguments), results)

    def run_once(*arguments: str) -> Loadtest:
        done = subprocess.run(
            [sys.executable, "-m", "stacks", "loadtest", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert problems_below(results) == []  # every file that any of these leaves is as the schemas describe it
        return Loadtest(done.returncode, done.stdout + done.stderr, (results / "latest").resolve())

    return run


@pytest.fixture
def one_run(tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> Callable[..., dict[str, Any]]:
    """Execute one run of any ini and app text in a directory of its own, and again if it was held up.

    Returns its record and what was said.
    """

    def run(
        ini: str | Path = "threads",
        app: str | None = None,
        version: str = "py312-2.0.30.post1",
        scenario: Path = catalogue.SCENARIOS / "steady.py",
        **plan: Any,
    ) -> dict[str, Any]:
        environment = venv(version)
        path = catalogue.STACKS / f"{ini}.ini" if isinstance(ini, str) and "\n" not in ini else tmp_path / "stack.ini"
        if isinstance(ini, str) and "\n" in ini:
            path.write_text(ini)
        app_path = catalogue.APPS / "hello.py"
        if app is not None:
            app_path = tmp_path / "app.py"
            app_path.write_text(app)
        numbers = {"users": 8, "duration_s": 1.0, "workers": 2, "max_requests": 5, "respawns": 2}
        numbers |= {"start_limit_s": 60.0, "limit_s": 60.0, "patient": False}
        paths = {"uwsgi": environment.uwsgi, "python": environment.python, "ini": path, "app": app_path}
        paths |= {"scenario": scenario}
        return unless_held_up(lambda: run_once(numbers | plan, paths), tmp_path)

    def run_once(numbers: dict[str, Any], paths: dict[str, Path]) -> dict[str, Any]:
        directory = tmp_path / "run"
        directory.mkdir()
        write_plan(directory, numbers, paths)
        done = subprocess.run(
            [sys.executable, "-m", "stacks", "run", str(directory)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert problems_below(directory) == []
        record = json.loads((directory / RUN_FILE).read_text())
        return record | {"code": done.returncode, "said": done.stderr, "directory": directory}

    return run


def shell(command: str, cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of a page, with `more` in its environment."""
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(
        command, shell=True, cwd=cwd, env=clean | more, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def left_behind(directory: Path) -> list[str]:
    """Processes that still work for the runs below `directory`: each names it, uWSGI in its command line.

    Without such a process, no port of a run listens. A port itself proves nothing: others may listen there meanwhile.
    """
    found = []
    for name in os.listdir(proc.PROC):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            command = (proc.PROC / name / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (proc.PROC / name / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        entry = proc.stat(int(name))
        if entry is not None and entry.state != "Z" and str(directory) in command + environment:
            found.append(f"{name}: {command}")
    return found
