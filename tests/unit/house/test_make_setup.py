"""`make setup` and `make clean`: .venv is made with a Python that works, made anew where it cannot work, and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.unit.house.making import MAKE, PYTHON_STUB, executable, logged, make

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def setup(clone: Path, tools: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `make setup` with an empty log and with these tools alone on PATH."""
    log = {"LOG": str(clone / "log"), "PATH": str(tools), "HOME": str(tools), "PYENV_ROOT": str(tools / "pyenv")}
    (clone / "log").write_text("")
    return make(clone, "setup", *arguments, **(log | more))


def test_setup_skips_a_python_that_fails_and_a_second_setup_does_nothing(clone: Path, tools: Path) -> None:
    executable(tools / "python3", "#!/bin/sh\nexit 127\n")
    executable(tools / "python3.12", PYTHON_STUB)
    assert setup(clone, tools).returncode == 0
    assert f"{tools}/python3.12 -m venv --without-pip .venv" in logged(clone)
    assert "uv sync --quiet --locked --inexact" in logged(clone)
    assert setup(clone, tools).returncode == 0
    assert logged(clone) == ""


def test_setup_finds_the_pythons_of_pyenv_and_takes_the_one_that_is_named(clone: Path, tools: Path) -> None:
    executable(tools / "pyenv/versions/3.11.7/bin/python3", PYTHON_STUB)
    setup(clone, tools)
    assert "versions/3.11.7/bin/python3 -m venv" in logged(clone)
    named = executable(tools / "my python", PYTHON_STUB)
    shutil.rmtree(clone / ".venv")
    setup(clone, tools, f"PYTHON={named}")
    assert f"{named} -m venv" in logged(clone)


def test_without_a_python_setup_says_what_to_install(clone: Path, tools: Path) -> None:
    done = setup(clone, tools)
    assert done.returncode == 2
    assert "no Python >= 3.11" in done.stderr
    assert "python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_after_an_interrupted_setup_the_next_one_starts_again(clone: Path, tools: Path) -> None:
    executable(tools / "python3", PYTHON_STUB)
    done = setup(clone, tools, UV_EXIT="1")
    assert done.returncode == 2
    assert "UV_DEFAULT_INDEX" in done.stderr
    (clone / ".venv/half-made").touch()
    assert setup(clone, tools).returncode == 0
    assert "-m venv" in logged(clone)
    assert not (clone / ".venv/half-made").exists()


def test_with_a_newer_lock_file_setup_only_installs_the_packages_again(clone: Path, tools: Path) -> None:
    executable(tools / "python3", PYTHON_STUB)
    setup(clone, tools)
    future = time.time() + 10
    os.utime(clone / "uv.lock", (future, future))
    setup(clone, tools)
    assert "uv sync" in logged(clone)
    assert "-m venv" not in logged(clone)


@pytest.mark.parametrize("change", ["moved", "python removed"])
def test_setup_makes_an_environment_anew_that_cannot_work_any_more(clone: Path, tools: Path, change: str) -> None:
    executable(tools / "python3", PYTHON_STUB)
    setup(clone, tools)
    if change == "moved":
        clone = clone.rename(clone.with_name("moved"))
    else:
        (clone / ".venv/bin/python").unlink()
    setup(clone, tools)
    assert "-m venv" in logged(clone)


def test_setup_takes_the_uv_of_the_machine_if_it_is_new_enough(clone: Path, tools: Path) -> None:
    executable(tools / "python3", PYTHON_STUB)
    (tools / "ln").symlink_to("/bin/ln")
    for version, is_taken in (("0.13.9 (x)", True), ("0.9.1", True), ("0.8.24", False), ("1.0.0", False)):
        shutil.rmtree(clone / ".venv", ignore_errors=True)
        text = f'#!/bin/sh\nif [ "$1" = --version ]; then echo "uv {version}"; else echo "uv $*" >> "$LOG"; fi\n'
        executable(tools / "uv", text)
        assert setup(clone, tools).returncode == 0
        assert ("-m pip" not in logged(clone)) is is_taken
        assert (clone / ".venv/bin/uv").is_symlink() is is_taken
        assert "uv sync" in logged(clone)


def test_where_pip_cannot_install_into_another_environment_the_environment_gets_its_own(
    clone: Path, tools: Path
) -> None:
    executable(tools / "python3", PYTHON_STUB)
    assert setup(clone, tools, OLD_PIP="1").returncode == 0
    assert "-m venv .venv\n" in logged(clone)
    assert "uv sync" in logged(clone)


@pytest.mark.parametrize(
    ("targets", "parts"),
    [
        (("setup-check",), ["--no-dev"]),
        (("setup",), ["--no-dev --extra analysis"]),
        (("setup-check", "setup"), ["--no-dev", "--no-dev --extra analysis"]),
        (("setup-notebooks", "setup", "setup-check"), ["--no-dev --extra analysis --extra notebooks"]),
        (("setup-dev", "setup-notebooks", "setup"), ["--all-extras"]),
    ],
)
def test_every_target_installs_only_what_it_needs_and_nothing_twice(
    clone: Path, tools: Path, targets: tuple[str, ...], parts: list[str]
) -> None:
    executable(tools / "python3", PYTHON_STUB)
    log = {"LOG": str(clone / "log"), "PATH": str(tools), "HOME": str(tools), "PYENV_ROOT": str(tools / "pyenv")}
    for target in targets:
        assert make(clone, target, **log).returncode == 0
    synced = [line for line in logged(clone).splitlines() if "uv sync" in line]
    assert [line.split("--inexact ")[1].split(" --python")[0] for line in synced] == parts
    assert logged(clone).count("-m venv") == 1


def test_setup_installs_from_a_mirror_of_the_index(clone: Path, tools: Path) -> None:
    executable(tools / "python3", PYTHON_STUB)
    assert setup(clone, tools, UV_DEFAULT_INDEX="https://mirror.invalid/simple").returncode == 0
    assert "uv export" in logged(clone)
    assert "--require-hashes --python" in logged(clone)


def test_clean_removes_the_caches_and_keeps_the_results_and_the_environment(ready: Path) -> None:
    kept = ["results/one/__pycache__", ".venv/lib/__pycache__"]
    removed = [".venvs/x", "stacks/__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"]
    for name in kept + removed:
        (ready / name).mkdir(parents=True)
    assert make(ready, "clean").returncode == 0
    assert all((ready / name).exists() for name in kept)
    assert not any((ready / name).exists() for name in removed)
