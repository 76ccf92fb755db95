"""`check` as an ordinary user: www-data, who may write nothing but the results, on a configuration for www-data."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below

from stacks.catalogue import APPS, ROOT, venvs
from tests.patience import LIMIT_S

from .conftest import left_behind, unless_held_up

NAMES = ("www-data", "nobody")
# An interpreter below a closed home directory, as that of root, can be reached in a mount namespace that has a copy of
# the home directory in which only the interpreters are.
OPEN_HOME = """
mkdir -p "$1/home" && mount --bind "$HOME" "$1/home" && mount -t tmpfs -o mode=755 none "$HOME"
for name in .pyenv .local; do
  if [ -d "$1/home/$name" ]; then mkdir -p "$HOME/$name" && mount --bind "$1/home/$name" "$HOME/$name"; fi
done
shift; exec "$@"
"""


@dataclass
class User:
    """An ordinary user with a folder of their own, how to run a command as this user, and a uWSGI that they can run."""

    name: str
    folder: Path
    prefix: list[str]
    uwsgi: Path

    def run(self, *command: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8"} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )


@pytest.fixture
def user(venv: Callable[[str], venvs.Venv]) -> Iterator[User]:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = next((name for name in NAMES if name in known), None)
    if name is None or not shutil.which("setpriv"):
        pytest.skip("there is no user www-data, or no setpriv")
    folder = Path(tempfile.mkdtemp(prefix="as-user-"))  # pytest's own folders are closed to other users
    folder.chmod(0o755)
    plain = ["setpriv", "--reuid", name, "--regid", str(pwd.getpwnam(name).pw_gid), "--clear-groups"]
    try:
        for prefix in (plain, ["unshare", "--mount", "sh", "-c", OPEN_HOME, "sh", str(folder), *plain]):
            found = User(name, folder, prefix, venv("py312-2.0.30.post1").uwsgi)
            needed = ([found.uwsgi, "--version"], [sys.executable, "-c", "import stacks, gevent, locust"])
            if all(found.run(*command).returncode == 0 for command in needed):
                yield found
                return
        pytest.skip(f"{name} cannot run {sys.executable}, or no uWSGI")
    finally:
        shutil.rmtree(folder)


def check(user: User, *arguments: object, results: Path) -> tuple[int, str, dict[str, Any]]:
    """Run a check as the user. Return its exit code, what it said, and check.json."""
    file = results.parent / "out" / "check.json"
    command = (sys.executable, "-m", "stacks", "check", f"--json={file}", *arguments)
    done = unless_held_up(lambda: user.run(*command, PACK_RESULTS=str(results)), results)
    said = done.stdout + done.stderr
    assert "Traceback" not in said, said
    return done.returncode, said, json.loads(file.read_text())


def test_www_data_checks_a_configuration_of_www_data(user: User) -> None:
    theirs, results, out = user.folder / "theirs", user.folder / "results", user.folder / "out"
    for folder in (theirs, results, out):
        folder.mkdir()
    shutil.copy(APPS / "pool_at_import.py", theirs / "app.py")
    (theirs / "uwsgi.ini").write_text(
        f"[uwsgi]\nmaster = true\nprocesses = 2\nsocket = {theirs}/socket\nchown-socket = {user.name}\n"
        f"chmod-socket = 660\nuid = {user.name}\ngid = {user.name}\npidfile = {theirs}/pid\nvacuum = true\n"
        "wsgi-file = app.py\ndie-on-term = true\n"
    )
    shutil.chown(out, user.name)
    arguments = ("--ini", theirs / "uwsgi.ini", "--uwsgi", user.uwsgi, "--ways=max-requests")

    code, said, value = check(user, *arguments, results=results)
    assert code == 1, said
    assert f"{results}" in value["error"]
    assert "PACK_RESULTS=DIR" in value["error"]

    shutil.chown(results, user.name)
    code, said, value = check(user, *arguments, results=results)
    assert (code, value["verdict"]) == (3, "hung_request"), said
    assert "lazy-apps" in [remedy["name"] for remedy in value["remedies"] if remedy["cures"]], said
    assert ["uid", user.name, "", "the check runs as the user who started it"] in [
        [change["option"], change["theirs"], change["ours"], change["why"]] for change in value["changes"]
    ]
    directory = Path(value["directory"])
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if not scope.exists() or scope.read_text().strip() == "0":
        assert "app.py:" in said, said
    assert problems_below(directory) == []
    assert left_behind(directory) == []
    assert sorted(path.name for path in theirs.iterdir()) == ["app.py", "uwsgi.ini"]
