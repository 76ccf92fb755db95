"""A run on an odd machine: few file descriptors, one processor, no HOME, no TMPDIR, locale C, umask 077, long paths.

And on an odd kernel: without netlink, pidfds and wait channels.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from system_calls import Call, Rule, answered

from stacks import catalogue
from stacks.catalogue.venvs import Venv
from tests.patience import LIMIT_S

from .conftest import unless_held_up


def odd() -> None:
    """Make the child's surroundings odd."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def judge(venv: Callable[[str], Venv]) -> list[str]:
    command = [sys.executable, "-m", "stacks", "judge", "--stack", "threads"]
    return [*command, "--uwsgi", str(venv("py312-2.0.30.post1").uwsgi)]


def test_a_run_with_little_of_everything(venv: Callable[[str], Venv], tmp_path: Path) -> None:
    results = tmp_path / f"a path with spaces {'x' * 150}"
    command = judge(venv)

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
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

    done = unless_held_up(run, results)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "good: recovers" in done.stdout
    assert list(results.glob("judge-*/run.json"))


def without(call: Call) -> int:
    """Answer as a kernel without netlink, pidfds and wait channels does, or a sandbox that forbids them."""
    if call.name == "socket":
        return errno.EAFNOSUPPORT
    if call.name == "pidfd_open":
        return errno.ENOSYS
    return errno.ENOENT if call.path.endswith("/wchan") else 0


def test_a_run_on_a_kernel_without_netlink_pidfds_and_wait_channels(
    venv: Callable[[str], Venv], results: Path, tmp_path: Path
) -> None:
    rules = (Rule("socket", 0, value=socket.AF_NETLINK), Rule("pidfd_open"), Rule("openat", 2, bits=os.O_CLOEXEC))
    command = judge(venv)

    def run() -> int:
        options = {"cwd": catalogue.ROOT, "stdin": subprocess.DEVNULL, "start_new_session": True}
        with (tmp_path / "output").open("wb") as output:
            try:
                with answered(rules, without, command, stdout=output, stderr=output, **options) as process:
                    return process.wait(LIMIT_S)
            except OSError as error:
                pytest.skip(f"system calls cannot be answered here: {error}")

    code = unless_held_up(run, results)
    said = (tmp_path / "output").read_text()
    assert code == 0, said
    assert "good: recovers" in said
    (file,) = results.glob("judge-*/run.json")
    collectors = json.loads(file.read_text())["collectors"]
    assert collectors["kernel"].startswith("not available: ")
