"""Directories for the tests of the Makefile and of .ci/run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.unit.house.making import COMMAND_STUB, ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory with the Makefile, in which nothing is set up."""
    directory = tmp_path.resolve() / "a clone"
    directory.mkdir()
    shutil.copy(ROOT / "Makefile", directory)
    (directory / "pyproject.toml").touch()
    (directory / "uv.lock").touch()
    return directory


@pytest.fixture
def ready(clone: Path) -> Path:
    """A clone that is set up, with a stub for each command of the pack."""
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(Path(sys.executable).resolve())
    for part in ("", "-analysis", "-notebooks", "-dev"):
        (clone / f".venv/.complete{part}").write_text(f"{clone}\n")
    for package in ("stacks", "analysis", "locustfiles/workers_ui"):
        (clone / package).mkdir(parents=True)
        (clone / package / "__main__.py").write_text(COMMAND_STUB)
    return clone


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with the tools of a bare machine, and without any Python."""
    (tmp_path / "tools").mkdir()
    for name in ("sh", "cat", "rm", "cp", "mkdir", "chmod", "dirname", "id"):
        path = shutil.which(name)
        assert path is not None
        (tmp_path / "tools" / name).symlink_to(path)
    return tmp_path / "tools"
