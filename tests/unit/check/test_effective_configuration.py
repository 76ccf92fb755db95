"""Reading a user's effective configuration, through a binary that is a shell script here."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.catalogue import ROOT
from stacks.check import effective_configuration, no_locks
from stacks.check.effective_configuration import VERSION, read_effective
from stacks.check.invocation import CannotCheck, Invocation
from stacks.check.read_only import read_only_except
from tests.patience import LIMIT_S

PRINTS = """
echo 'some line'
printf '\\n;uWSGI instance configuration\\n[uwsgi]\\n'
printf 'ini = /x.ini\\nprocesses = 4\\nvacuum = \\nenv = A=b = c\\nset = vacuum=false\\nvacuum = false\\n'
printf 'clock = pack-stop-here\\n;end of configuration\\n'
exit 1
"""


@pytest.fixture
def invocation(tmp_path: Path) -> Callable[..., Invocation]:
    """Return a function that makes a binary with the script `body`, and an invocation of it."""

    def make(body: str = PRINTS, version: str = "2.0.30", **environment: str) -> Invocation:
        path = tmp_path / "uwsgi"
        path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n'
            f"[ \"$1\" = --dump-options ] && echo 'processes enable-threads vacuum' && exit\n{body}\n"
        )
        path.chmod(0o755)
        return Invocation(path, None, (), {"PATH": "/usr/bin:/bin", **environment}, tmp_path)

    return make


def test_the_options_are_the_users_without_those_that_the_check_added(
    invocation: Callable[..., Invocation], tmp_path: Path
) -> None:
    effective = read_effective(invocation(), tmp_path)
    assert effective.options == [("ini", "/x.ini"), ("processes", "4"), ("vacuum", ""), ("env", "A=b = c")]
    assert effective.version == "2.0.30"
    assert "enable-threads" in effective.binary_options


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("[strict-mode] unknown config directive: enable-thraeds", "did you mean enable-threads"),
        ("uwsgi: unrecognized option '--nonsense'", "no option nonsense"),
        ("!!! UNABLE to load uWSGI plugin: ./ruby_plugin.so: cannot open", "plugin ruby is missing"),
        ('uWSGI error: forbidden option "exec-asap" (by blacklist)', "exec-asap, which acts"),
        ("[spooler directory] access(): No such file or directory [core/spooler.c line 26]", "spooler"),
        ("any other line", "any other line"),
    ],
)
def test_a_refusal_of_uwsgi_is_explained(
    invocation: Callable[..., Invocation], tmp_path: Path, line: str, text: str
) -> None:
    (tmp_path / "output").write_text(line)
    with pytest.raises(CannotCheck, match=text):
        read_effective(invocation(f"cat {tmp_path}/output; exit 1"), tmp_path)


def test_an_option_that_acts_at_once_is_refused_in_the_environment_too(
    invocation: Callable[..., Invocation], tmp_path: Path
) -> None:
    with pytest.raises(CannotCheck, match="exec-asap"):
        read_effective(invocation(UWSGI_EXEC_ASAP="touch /x"), tmp_path)


def test_another_program_is_not_uwsgi(invocation: Callable[..., Invocation], tmp_path: Path) -> None:
    with pytest.raises(CannotCheck, match="is not uWSGI"):
        read_effective(invocation(version="ls (GNU coreutils) 9.1"), tmp_path)


def test_a_configuration_that_waits_is_ended(
    invocation: Callable[..., Invocation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effective_configuration, "_read_version", lambda _uwsgi: "2.0.30")
    monkeypatch.setattr(effective_configuration, "LIMIT_S", 0.3)
    with pytest.raises(CannotCheck, match="did not finish reading"):
        read_effective(invocation("exec sleep 60"), tmp_path)


# Sends SIGINT in the moment of the fork, and prints what becomes of it.
AT_FORK = """
import os, signal, sys
from pathlib import Path

from stacks.check.effective_configuration import read_effective
from stacks.check.invocation import CannotCheck, Invocation
from stacks.console import interrupts

binary, process = sys.argv[1:]
interrupts.catch()
os.register_at_fork(**{process: lambda: os.kill(os.getpid(), signal.SIGINT)})
try:
    read_effective(Invocation(Path(binary), None, (), {}, Path(binary).parent), Path(binary).parent)
except KeyboardInterrupt:
    print("interrupted")
except CannotCheck as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("process", "text"),
    [("before", "interrupted"), ("after_in_parent", "interrupted"), ("after_in_child", "got SIGINT while it read")],
)
def test_an_interrupt_at_the_fork_is_not_lost(
    invocation: Callable[..., Invocation], tmp_path: Path, process: str, text: str
) -> None:
    """Python drops an exception that is raised in its callbacks at a fork, and prints a traceback."""
    command = [sys.executable, "-c", AT_FORK, str(invocation().uwsgi), process]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    assert text in done.stdout


def test_the_binary_can_change_only_the_private_directory(
    invocation: Callable[..., Invocation], tmp_path: Path
) -> None:
    private, outside = tmp_path / "private", tmp_path / "outside"
    private.mkdir(), outside.mkdir()
    (outside / "pid").write_text("1")
    body = f"rm -f {outside}/pid 2>/dev/null; touch {outside}/new {private}/new 2>/dev/null; {PRINTS}"
    read_effective(invocation(body), private)
    assert (private / "new").exists()
    if not has_landlock(tmp_path):
        pytest.skip("this kernel has no Landlock")
    assert [path.name for path in outside.iterdir()] == ["pid"]


def has_landlock(tmp_path: Path) -> bool:
    path = tmp_path / "probe"
    subprocess.run(["touch", str(path)], preexec_fn=read_only_except(), stderr=subprocess.DEVNULL, check=False)
    return not path.exists()


@pytest.mark.parametrize("text", ["2.0.26", "2.0.21-debian", "2.0.31+dfsg", "2.1-dev-4e2af2a5", "2.0.28~rc1"])
def test_a_version_of_uwsgi_may_have_words_of_a_distribution(text: str) -> None:
    assert VERSION.match(text)


FLOCKS = """
import fcntl, sys

try:
    file = open("their.lock", "r+")
except OSError as error:
    sys.exit(print(f'open("their.lock"): {error.strerror} [core/uwsgi.c line 4896]'))
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    sys.exit(print("uWSGI ERROR: their.lock is locked by another instance"))
print("\\n;uWSGI instance configuration\\n[uwsgi]\\nflock = their.lock\\n;end of configuration\\n")
"""


def test_a_configuration_that_locks_a_file_is_read_without_the_lock(
    invocation: Callable[..., Invocation], tmp_path: Path
) -> None:
    """The user's own instance has the lock, and keeps it. The file does not change."""
    if not no_locks.is_supported():
        pytest.skip("the system calls of this architecture are not known")
    private, lock = tmp_path / "private", tmp_path / "their.lock"
    private.mkdir()
    lock.write_text("theirs")
    (tmp_path / "flocks.py").write_text(FLOCKS)
    before = lock.stat()
    with lock.open("r+") as theirs:
        fcntl.lockf(theirs, fcntl.LOCK_EX)
        effective = read_effective(invocation(f"exec '{sys.executable}' {tmp_path}/flocks.py"), private)
    assert effective.options == [("flock", "their.lock")]
    after = lock.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_ino) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
    )
