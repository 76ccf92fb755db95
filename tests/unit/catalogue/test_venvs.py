"""Environments of the servers under test: made once, made again if damaged, and each failure is one sentence."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from uv_messages import REFUSED

from stacks.catalogue import interpreters, uv_pip, venvs
from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.file_lock import hold_lock
from stacks.catalogue.interpreter_places import Places, candidates
from stacks.catalogue.interpreter_probe import probe
from stacks.catalogue.venvs import MARKER, VenvError, ensure

PIN = "2.0.30.post1"


class FakeUv:
    """Stands in for `run_bounded`: makes the files that uv would make, and answers for the interpreter in them."""

    def __init__(self) -> None:
        self.commands: list[list[str]] = []
        self.kept_open: list[Sequence[int]] = []
        self.python_full = "3.12.1"
        self.failure = ""
        self.inspection: subprocess.CompletedProcess[str] | Exception | None = None  # None: it succeeds
        self.version = PIN

    def __call__(
        self, command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        if words[1:2] == ["-I"]:
            if not Path(words[0]).exists():
                raise FileNotFoundError(2, "No such file or directory")
            if isinstance(self.inspection, Exception):
                raise self.inspection
            if self.inspection is not None:
                return self.inspection
            return subprocess.CompletedProcess(words, 0, json.dumps([self.python_full, self.version]), "")
        self.commands.append(words)
        self.kept_open.append(keep_open)
        if words[1] == "pip":
            if self.failure:
                return subprocess.CompletedProcess(words, 1, "", self.failure)
            bin_ = Path(words[words.index("--python") + 1]).parent
            (bin_ / "uwsgi").touch(mode=0o755)
        else:
            (Path(words[-1]) / "bin").mkdir(parents=True)
            (Path(words[-1]) / "bin/python").touch(mode=0o755)
        return subprocess.CompletedProcess(words, 0, "", "")


@pytest.fixture(autouse=True)
def no_index_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_pip, "_index_read", set())


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    monkeypatch.setattr(interpreters, "find", lambda python: Path(f"/usr/bin/python{python}"))
    monkeypatch.setattr(venvs, "find_uv", lambda: Path("/usr/bin/uv"))
    return FakeUv()


def test_an_environment_is_made_once_and_then_found(tmp_path: Path, uv: FakeUv) -> None:
    first = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert first.path == tmp_path / f"3.12-pyuwsgi-{PIN}"
    assert first.python == first.path / "bin/python"
    assert first.uwsgi == first.path / "bin/uwsgi"
    assert (first.python_full, first.package_version) == ("3.12.1", PIN)
    assert ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv) == first
    assert [words[1] for words in uv.commands] == ["venv", "pip"]


def test_pyuwsgi_comes_from_wheels_only_and_uwsgi_from_a_build_without_cache(tmp_path: Path, uv: FakeUv) -> None:
    ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    ensure("3.12", "uwsgi", "2.0.31", venvs=tmp_path, run=uv)
    wheel, sdist = uv.commands[1], uv.commands[3]
    assert wheel[-1] == f"pyuwsgi=={PIN}"
    assert ("--only-binary", ":all:") in itertools.pairwise(wheel)
    assert sdist[-1] == "uwsgi==2.0.31"
    assert "--only-binary" not in sdist
    assert "--no-cache" in sdist


def test_a_package_beside_the_server_comes_with_its_dependencies_in_an_environment_of_its_own(
    tmp_path: Path, uv: FakeUv
) -> None:
    alone = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    with_gevent = ensure("3.12", "pyuwsgi", PIN, ["gevent==26.9.0"], venvs=tmp_path, run=uv)
    assert with_gevent.path == tmp_path / f"3.12-pyuwsgi-{PIN}+gevent==26.9.0"
    assert alone.path.exists()
    assert uv.commands[-1][-1] == "gevent==26.9.0"
    assert "--no-deps" not in uv.commands[-1]


@pytest.mark.parametrize("damage", ["half made", "interpreter gone", "python changed", "server changed", "moved"])
def test_a_damaged_environment_is_made_again(tmp_path: Path, uv: FakeUv, damage: str) -> None:
    path = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path / "a", run=uv).path
    (path / "leftover").touch()
    if damage == "half made":
        (path / MARKER).unlink()
    elif damage == "interpreter gone":
        (path / "bin/python").unlink()
    elif damage == "python changed":
        uv.python_full = "3.12.2"
    elif damage == "server changed":
        marker = json.loads((path / MARKER).read_text())
        (path / MARKER).write_text(json.dumps(marker | {"package_version": "2.0.26"}))
    else:
        shutil.move(tmp_path / "a", tmp_path / "b")
        path = tmp_path / "b" / path.name
    again = ensure("3.12", "pyuwsgi", PIN, venvs=path.parent, run=uv)
    assert again.path == path
    assert len(uv.commands) == 4
    assert not (path / "leftover").exists()


def test_a_failed_environment_has_no_marker_and_is_tried_again(tmp_path: Path, uv: FakeUv) -> None:
    uv.failure = REFUSED
    with pytest.raises(VenvError, match="cannot be reached"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert not (tmp_path / f"3.12-pyuwsgi-{PIN}" / MARKER).exists()
    uv.failure = ""
    assert ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv).package_version == PIN


@pytest.mark.parametrize(
    ("inspection", "reason"),
    [
        (OSError(8, "Exec format error"), "bin/python: Exec format error"),
        (
            subprocess.CompletedProcess([], 1, "", "Traceback:\nPackageNotFoundError: x\n"),
            "PackageNotFoundError: x, ex",
        ),
        (subprocess.CompletedProcess([], -9, "", ""), "no message, exit code -9"),
    ],
)
def test_an_environment_that_cannot_be_used_says_why(
    tmp_path: Path, uv: FakeUv, inspection: subprocess.CompletedProcess[str] | Exception, reason: str
) -> None:
    uv.inspection = inspection
    with pytest.raises(VenvError, match="cannot be used in it") as error:
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert reason in str(error.value)


def test_an_environment_whose_interpreter_is_slow_stays_for_those_who_use_it(tmp_path: Path, uv: FakeUv) -> None:
    made = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    uv.inspection = subprocess.TimeoutExpired("python", 60)
    with pytest.raises(VenvError, match=r"bin/python did not answer within 60 s; is this machine very busy\?"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert made.uwsgi.exists()
    assert len(uv.commands) == 2
    uv.inspection = None
    assert ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv) == made
    assert len(uv.commands) == 2


def test_many_threads_make_one_environment_once(tmp_path: Path, uv: FakeUv) -> None:
    makers = [
        threading.Thread(target=ensure, args=("3.12", "pyuwsgi", PIN), kwargs={"venvs": tmp_path, "run": uv})
        for _ in range(8)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(uv.commands) == 2


def test_uv_inherits_the_lock_so_that_the_lock_outlives_a_killed_maker(tmp_path: Path, uv: FakeUv) -> None:
    ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert all(len(kept) == 1 for kept in uv.kept_open)


def test_a_lock_that_is_never_released_is_an_error(tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "LOCK_S", 0.0)
    with (
        hold_lock(tmp_path / f".3.12-pyuwsgi-{PIN}.lock", 0.0),
        pytest.raises(VenvError, match=r"another process has held .*\.lock"),
    ):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)


def test_a_missing_interpreter_is_a_venv_error(tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(python: str) -> Path:
        raise interpreters.NotFound("Python 3.12 was not found.")

    monkeypatch.setattr(interpreters, "find", missing)
    with pytest.raises(VenvError, match="was not found"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)


def test_a_missing_uv_says_how_to_get_it(tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "find_uv", lambda: None)
    with pytest.raises(VenvError, match="make setup"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, uv: FakeUv) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VenvError, match=r"file/3\.12-pyuwsgi"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path / "file", run=uv)


@pytest.mark.parametrize(
    ("python", "package", "pin"),
    [
        ("3.12", "gunicorn", "23.0"),
        ("3.12.1", "pyuwsgi", PIN),
        ("../3.12", "pyuwsgi", PIN),
        ("3.12", "pyuwsgi", "../../x"),
        ("3.12", "pyuwsgi", ">=2"),
        ("3.12", "pyuwsgi", ""),
    ],
)
def test_a_version_that_is_not_exact_is_refused_before_anything_is_made(
    tmp_path: Path, uv: FakeUv, python: str, package: str, pin: str
) -> None:
    with pytest.raises(VenvError):
        ensure(python, package, pin, venvs=tmp_path / "none", run=uv)
    assert not (tmp_path / "none").exists()


def installed_python() -> str:
    """Return a Python that is on this machine and has a wheel of PIN. Skip the test if there is none."""

    def never(python: str) -> None:
        raise interpreters.NotInstalled("this test installs nothing")

    def listed(python: str) -> list[Path]:
        usual = Places.usual(os.environ, Path("~").expanduser(), Path(sys.executable))
        return list(candidates(python, usual))

    for python in ("3.12", "3.13", "3.11"):
        try:
            interpreters.search(python, lambda python=python: listed(python), probe, never)
        except interpreters.NotFound:
            continue
        return python
    pytest.skip("no Python 3.11 to 3.13 on this machine")


@pytest.mark.uwsgi
def test_a_real_environment_holds_the_server_and_the_server_starts(tmp_path: Path) -> None:
    python = installed_python()
    try:
        venv = ensure(python, "pyuwsgi", PIN, venvs=tmp_path)
    except VenvError as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise
    assert venv.package_version == PIN
    assert venv.python_full.startswith(f"{python}.")
    assert run_bounded([venv.uwsgi, "--version"], 60).stdout.split() == ["2.0.30"]
    commands = []

    def counting(
        command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return run_bounded(command, timeout_s, keep_open)

    assert ensure(python, "pyuwsgi", PIN, venvs=tmp_path, run=counting) == venv
    assert [command[0] for command in commands] == [venv.python]
