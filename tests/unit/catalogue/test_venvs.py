"""Environments of the servers under test: made once, made anew when not whole, and every failure in a sentence."""

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

from stacks.catalogue import interpreters, venvs
from stacks.catalogue.venvs import MARKER, VenvError, ensure, explained

PIN = "2.0.30.post1"
# Verbatim from uv 0.13.
NO_WHEEL = """error: No solution found when resolving dependencies
  cause: Because pyuwsgi==2.0.26 has no usable wheels and you require pyuwsgi==2.0.26, we can conclude that your \
requirements are unsatisfiable.

hint: Wheels are required for `pyuwsgi` because building from source is disabled for all packages (i.e., with \
`--no-build`)
"""
NO_VERSION = """error: No solution found when resolving dependencies
  cause: Because there is no version of pyuwsgi==2.0.99 and you require pyuwsgi==2.0.99, we can conclude that your \
requirements are unsatisfiable.
"""
REFUSED = """error: Request failed after 3 retries in 8.6s
  cause: Failed to fetch: http://127.0.0.1:9/simple/pyuwsgi/
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
OFFLINE = """error: No solution found when resolving dependencies
  cause: Because pyuwsgi was not found in the cache and you require pyuwsgi==2.0.27.post1, we can conclude that your \
requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled, registry packages may \
only be read from the cache.
"""
# From uv 0.9, which drew the chain as a tree.
NO_WHEEL_DRAWN = """  × No solution found when resolving dependencies:
  ╰─▶ Because pyuwsgi==2.0.26 has no wheels with a matching Python ABI tag (e.g., `cp313`) and you require
      pyuwsgi==2.0.26, we can conclude that your requirements are unsatisfiable.
"""
NOT_BUILT = """error: Failed to build `uwsgi==2.0.19`
  cause: The build backend returned an error
  cause: Call to `setuptools.build_meta:__legacy__.build_wheel` failed (exit status: 1)
"""


class FakeUv:
    """Stands in for `interpreters.bounded`: makes the files uv would make, and answers for the interpreter in them."""

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self.kept_open: list[Sequence[int]] = []
        self.python_full = "3.12.1"
        self.failure = ""
        self.version = PIN

    def __call__(
        self, command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        if words[1:2] == ["-I"]:
            if not Path(words[0]).exists():
                raise FileNotFoundError(2, "No such file or directory")
            return subprocess.CompletedProcess(words, 0, json.dumps([self.python_full, self.version]), "")
        self.made.append(words)
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
def nothing_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "_had", set())


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    monkeypatch.setattr(interpreters, "find", lambda python: Path(f"/usr/bin/python{python}"))
    monkeypatch.setattr(interpreters, "uv_path", lambda: Path("/usr/bin/uv"))
    return FakeUv()


def test_it_is_made_once_and_then_found(tmp_path: Path, uv: FakeUv) -> None:
    first = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert first.path == tmp_path / f"3.12-pyuwsgi-{PIN}"
    assert first.python == first.path / "bin/python"
    assert first.uwsgi == first.path / "bin/uwsgi"
    assert (first.python_full, first.package_version) == ("3.12.1", PIN)
    assert ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv) == first
    assert [words[1] for words in uv.made] == ["venv", "pip"]


def test_wheels_only_for_pyuwsgi_and_a_build_of_its_own_for_uwsgi(tmp_path: Path, uv: FakeUv) -> None:
    ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    ensure("3.12", "uwsgi", "2.0.31", venvs=tmp_path, run=uv)
    wheel, sdist = uv.made[1], uv.made[3]
    assert wheel[-1] == f"pyuwsgi=={PIN}"
    assert ("--only-binary", ":all:") in itertools.pairwise(wheel)
    assert sdist[-1] == "uwsgi==2.0.31"
    assert "--only-binary" not in sdist
    assert "--no-cache" in sdist


def test_what_must_be_beside_it_comes_with_all_it_needs_and_has_a_place_of_its_own(tmp_path: Path, uv: FakeUv) -> None:
    plain = ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    with_gevent = ensure("3.12", "pyuwsgi", PIN, ["gevent==26.9.0"], venvs=tmp_path, run=uv)
    assert with_gevent.path == tmp_path / f"3.12-pyuwsgi-{PIN}+gevent==26.9.0"
    assert plain.path.exists()
    assert uv.made[-1][-1] == "gevent==26.9.0"
    assert "--no-deps" not in uv.made[-1]


@pytest.mark.parametrize("damage", ["half made", "interpreter gone", "python changed", "server changed", "moved"])
def test_one_that_is_not_whole_is_made_anew(tmp_path: Path, uv: FakeUv, damage: str) -> None:
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
    assert len(uv.made) == 4
    assert not (path / "leftover").exists()


def test_a_failed_one_has_no_marker_and_is_tried_again(tmp_path: Path, uv: FakeUv) -> None:
    uv.failure = REFUSED
    with pytest.raises(VenvError, match="cannot be reached"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert not (tmp_path / f"3.12-pyuwsgi-{PIN}" / MARKER).exists()
    uv.failure = ""
    assert ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv).package_version == PIN


def test_many_at_once_make_it_once(tmp_path: Path, uv: FakeUv) -> None:
    makers = [
        threading.Thread(target=ensure, args=("3.12", "pyuwsgi", PIN), kwargs={"venvs": tmp_path, "run": uv})
        for _ in range(8)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(uv.made) == 2


def test_uv_holds_the_lock_too_so_that_it_outlives_a_killed_maker(tmp_path: Path, uv: FakeUv) -> None:
    ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)
    assert all(len(kept) == 1 for kept in uv.kept_open)


def test_a_lock_that_is_never_let_go_is_an_error(tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venvs, "LOCK_S", 0.0)
    with (
        venvs.locked(tmp_path / f".3.12-pyuwsgi-{PIN}.lock"),
        pytest.raises(VenvError, match=r"another process has held .*\.lock"),
    ):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        (NO_WHEEL, "pyuwsgi 2.0.26 has no wheel for Python 3.13 on this kind of machine."),
        (NO_WHEEL_DRAWN, "pyuwsgi 2.0.26 has no wheel for Python 3.13 on this kind of machine."),
        (NO_VERSION, "the package index has no pyuwsgi 2.0.26."),
        (REFUSED, "the package index cannot be reached for pyuwsgi 2.0.26 (Connection refused (os error 111))."),
        (OFFLINE, "the package index cannot be reached for pyuwsgi 2.0.26 (Because pyuwsgi was not found in the cache"),
        (NOT_BUILT, "pyuwsgi 2.0.26 could not be built for Python 3.13, which takes a C compiler and the headers"),
        ("error: disk full\n", "uv could not install pyuwsgi 2.0.26 for Python 3.13 (disk full)."),
    ],
)
def test_every_failure_of_uv_becomes_a_sentence(stderr: str, sentence: str) -> None:
    text = explained(stderr, "3.13", "pyuwsgi", "2.0.26")
    assert text.startswith(sentence)
    assert "\n" not in text


def test_a_missing_interpreter_is_the_same_class_of_error(
    tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(python: str) -> Path:
        raise interpreters.NotFound("Python 3.12 was not found.")

    monkeypatch.setattr(interpreters, "find", missing)
    with pytest.raises(VenvError, match="was not found"):
        ensure("3.12", "pyuwsgi", PIN, venvs=tmp_path, run=uv)


def test_a_missing_uv_says_how_to_get_it(tmp_path: Path, uv: FakeUv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "uv_path", lambda: None)
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
def test_what_is_no_exact_version_is_refused_before_anything_is_made(
    tmp_path: Path, uv: FakeUv, python: str, package: str, pin: str
) -> None:
    with pytest.raises(VenvError):
        ensure(python, package, pin, venvs=tmp_path / "none", run=uv)
    assert not (tmp_path / "none").exists()


def present() -> str:
    """A Python that is on this machine and has a wheel of the release used here."""

    def never(python: str) -> None:
        raise interpreters.Unfit("this test installs nothing")

    def listed(python: str) -> list[Path]:
        home = Path("~").expanduser()
        usual = interpreters.Places.usual(os.environ, home, Path(sys.executable))
        return list(interpreters.candidates(python, usual))

    for python in ("3.12", "3.13", "3.11"):
        try:
            interpreters.search(python, lambda python=python: listed(python), interpreters.probe, never)
        except interpreters.NotFound:
            continue
        return python
    pytest.skip("no Python 3.11 to 3.13 on this machine")


@pytest.mark.uwsgi
def test_a_real_one_holds_what_was_asked_for_and_starts(tmp_path: Path) -> None:
    python = present()
    try:
        venv = ensure(python, "pyuwsgi", PIN, venvs=tmp_path)
    except VenvError as error:
        if "cannot be reached" in str(error):
            pytest.skip(str(error))
        raise
    assert venv.package_version == PIN
    assert venv.python_full.startswith(f"{python}.")
    assert interpreters.bounded([venv.uwsgi, "--version"], 10).stdout.split() == ["2.0.30"]
    calls = []

    def counted(
        command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        return interpreters.bounded(command, timeout_s, keep_open)

    assert ensure(python, "pyuwsgi", PIN, venvs=tmp_path, run=counted) == venv
    assert [command[0] for command in calls] == [venv.python]


def answers(*said: tuple[int, str]) -> tuple[list[list[str]], venvs.Run]:
    """A uv that answers these, and the commands that it heard."""
    heard: list[list[str]] = []

    def run(command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()) -> object:
        code, stderr = said[len(heard)]
        heard.append([str(word) for word in command])
        return subprocess.CompletedProcess(list(command), code, "", stderr)

    return heard, run  # type: ignore[return-value]


def test_the_index_is_read_once_and_then_uvs_cache_of_it() -> None:
    heard, run = answers((0, ""), (0, ""), (1, NO_WHEEL))
    assert [venvs.has_wheel(python, "pyuwsgi", "2.0.26", run) for python in ("3.11", "3.12", "3.13")] == [
        True,
        True,
        False,
    ]
    assert ["--offline" in command for command in heard] == [False, True, True]


def test_what_the_cache_does_not_have_is_asked_of_the_index() -> None:
    heard, run = answers((0, ""), (1, OFFLINE), (0, ""))
    assert venvs.has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert venvs.has_wheel("3.12", "pyuwsgi", "2.0.27.post1", run)
    assert ["--offline" in command for command in heard] == [False, True, False]


def test_an_index_that_cannot_be_asked_is_an_error_and_is_asked_again() -> None:
    heard, run = answers((1, REFUSED), (0, ""))
    with pytest.raises(VenvError, match="the package index cannot be reached"):
        venvs.has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert venvs.has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert ["--offline" in command for command in heard] == [False, False]


def test_what_is_built_needs_no_wheel() -> None:
    assert venvs.has_wheel("3.12", "uwsgi", "2.0.26", answers()[1])
