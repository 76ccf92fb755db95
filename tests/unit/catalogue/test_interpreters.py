"""The search for an interpreter, its installation by uv, and the message if neither succeeds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from executables import executable
from uv_messages import NO_NETWORK

from stacks.catalogue import interpreters
from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.interpreter_probe import Unfit
from stacks.catalogue.interpreters import NotFound, NotInstalled, find, search

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    shim, real = tmp_path / "shim", tmp_path / "real"

    def prober(candidate: Path, python: str) -> Path:
        if candidate == shim:
            raise Unfit("does not run, exit code 127")
        return candidate

    def never(python: str) -> None:
        raise AssertionError("nothing is installed while an interpreter fits")

    assert search("3.12", lambda: [shim, real], prober, never) == real


def test_a_missing_interpreter_is_installed_and_the_search_repeated(tmp_path: Path) -> None:
    installed: list[Path] = []
    found = search("3.12", lambda: installed, lambda path, _: path, lambda _: installed.append(tmp_path))
    assert found == tmp_path


def refuse(why: str) -> Callable[..., Path]:
    def prober(*_: object) -> Path:
        raise Unfit(why)

    return prober


def test_not_found_says_in_one_sentence_where_it_looked_and_what_to_do() -> None:
    def failing(python: str) -> None:
        raise NotInstalled(f"`uv python install {python}` failed (no network)")

    with pytest.raises(NotFound) as missing:
        search("3.12", lambda: [Path("/shims/python3.12")], refuse("does not run, exit code 127"), failing)
    text = str(missing.value)
    assert text.startswith("Python 3.12 was not found (looked in PATH, the versions of pyenv")
    assert "/shims/python3.12 does not run, exit code 127" in text
    assert "`uv python install 3.12` failed (no network)" in text
    assert text.endswith("install Python 3.12 with pyenv, uv or the system's packages and repeat.")
    assert "\n" not in text


def test_not_found_also_if_the_installed_interpreter_does_not_run() -> None:
    with pytest.raises(NotFound, match="left none that runs"):
        search("3.12", list, refuse("never asked"), lambda _: None)


@pytest.mark.parametrize("python", ["3", "3.12.1", "python3.12", "", "3.12; true", "../3.12"])
def test_only_major_and_minor_make_a_version(python: str) -> None:
    with pytest.raises(NotFound, match=r"write major\.minor"):
        search(python, list, refuse("never asked"), lambda _: None)


@pytest.mark.parametrize(
    ("script", "limit_s", "why"),
    [
        (f"#!/bin/sh\ncat >&2 <<'X'\n{NO_NETWORK}X\nexit 1\n", 60.0, "Name or service not known"),
        ("#!/bin/sh\nexec sleep 60\n", 0.5, "still downloading after"),
    ],
)
def test_install_says_why_uv_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, limit_s: float, why: str
) -> None:
    uv = executable(tmp_path / "uv", script)
    monkeypatch.setattr(interpreters, "find_uv", lambda: uv)
    monkeypatch.setattr(interpreters, "INSTALL_S", limit_s)
    with pytest.raises(NotInstalled, match=why):
        interpreters.install("3.12")


def test_install_without_uv_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "find_uv", lambda: None)
    with pytest.raises(NotInstalled, match="no uv"):
        interpreters.install("3.12")


def test_a_failure_is_remembered_so_that_the_next_cell_does_not_download_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requested = []

    def failing(python: str) -> None:
        requested.append(python)
        raise NotInstalled("no network")

    monkeypatch.setattr(interpreters, "install", failing)
    for _ in range(3):
        with pytest.raises(NotFound):
            find("3.99")
    assert requested == ["3.99"]


def test_the_running_version_is_always_found() -> None:
    done = run_bounded([find(RUNNING), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], 60)
    assert done.stdout.strip() == RUNNING
