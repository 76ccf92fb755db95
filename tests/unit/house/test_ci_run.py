""".ci/run: it sets up, lints and tests, installs tools only in CI, and ends with the exit code of pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import LIMIT_S
from tests.unit.house.making import MAKE, ROOT, environment, executable, logged

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def ci(clone: Path, tools: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run .ci/run with these tools alone on PATH. The stub for pytest ends with exit code 5."""
    (clone / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci/run", clone / ".ci/run")
    executable(tools / "apt-get", '#!/bin/sh\necho "apt-get $*" >> "$LOG"\nexit 1\n')
    executable(clone / ".venv/bin/python", '#!/bin/sh\necho "python $*" >> "$LOG"\nexit 5\n')
    (clone / "log").write_text("")
    return subprocess.run(
        ["/bin/sh", str(clone / ".ci/run"), *arguments],
        env=environment(PATH=str(tools), LOG=str(clone / "log"), **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_ci_lints_before_it_tests_and_ends_with_the_exit_code_of_pytest(clone: Path, tools: Path) -> None:
    executable(tools / "make", '#!/bin/sh\necho "make $*" >> "$LOG"\n')
    assert ci(clone, tools, "-k", "a b").returncode == 5
    commands = [line.replace("--no-print-directory ", "") for line in logged(clone).splitlines()]
    # Without the variable CI, apt-get is not called.
    assert commands == [
        "make setup-dev",
        "make lint",
        "python -m pytest --collect-only -q",
        "python -m pytest -n 6 --dist worksteal -k a b",
    ]


def test_ci_stops_when_lint_fails(clone: Path, tools: Path) -> None:
    executable(tools / "make", '#!/bin/sh\ncase "$*" in *lint) exit 2;; esac\n')
    assert ci(clone, tools).returncode == 2
    assert "pytest" not in logged(clone)


def test_without_make_ci_says_what_to_install(clone: Path, tools: Path) -> None:
    done = ci(clone, tools)
    assert done.returncode == 1
    assert "make is missing" in done.stderr


@pytest.mark.skipif(os.getuid() != 0 or not Path("/etc/debian_version").exists(), reason="root on Debian only")
def test_ci_continues_when_its_tools_cannot_be_installed(clone: Path, tools: Path) -> None:
    executable(tools / "make", "#!/bin/sh\n")
    done = ci(clone, tools, CI="true")
    assert done.returncode == 5
    assert "gdb could not be installed" in done.stderr
    installed = [line.split()[-1] for line in logged(clone).splitlines() if " install " in line]
    assert "make" not in installed
    wanted = {"elfutils", "gdb", "wrk", "apache2-utils", "nginx-light", "chromium", "iproute2", "prometheus"}
    assert wanted <= set(installed)
