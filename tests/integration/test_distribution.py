"""`check` on the uWSGI of Debian, whose Python is in a plugin: its options, an emperor, and nothing that is touched."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.catalogue.version_order import is_before
from stacks.check.effective_configuration import read_effective
from stacks.check.invocation import Invocation
from stacks.check.plugins import packagings

from .conftest import Check, left_behind, run_check

UWSGI = Path("/usr/bin/uwsgi-core")
HAS_PLUGIN = any(Path(packagings()[0].folder).glob("python3_plugin.so"))
pytestmark = pytest.mark.skipif(
    not (UWSGI.exists() and HAS_PLUGIN),
    reason="Debian's packages uwsgi-core and uwsgi-plugin-python3 are not installed",
)
APP = "def application(e, s):\n    s('200 OK', [('Content-Length', '1')])\n    return [b'x']\n"
# The first thread of a worker answers early, so requests that began together do not end together.
SLOW_APP = """import time
def application(e, s):
    time.sleep(0.3 if e["uwsgi.core"] else 0.05)
    s("200 OK", [("Content-Length", "1")])
    return [b"x"]
"""
# What /usr/share/uwsgi/conf/default.ini has, which comes with another package.
DEFAULT = """[uwsgi]
declare-option = deb-confnamespace=$1
declare-option = deb-confname=$1
master = true
workers = 2
no-orphans = true
pidfile = RUN/%(deb-confnamespace)-%(deb-confname).pid
socket = RUN/%(deb-confnamespace)-%(deb-confname).socket
chown-socket = www-data
chmod-socket = 660
log-date = true
uid = www-data
gid = www-data
"""
SITE = "[uwsgi]\nplugins = python3,http\nmodule = app\nenable-threads = true\npy-call-osafterfork = true\n"
NAMES = {"UWSGI_DEB_CONFNAMESPACE": "app", "UWSGI_DEB_CONFNAME": "site"}
# A process with the name and the pid file of uWSGI. It writes down every signal that it gets.
DECOY = """
import signal, sys, time
def note(number, frame):
    with open(sys.argv[1], "a") as file:
        file.write(f"{number}\\n")
for number in (1, 2, 3, 10, 12, 15, 18):
    signal.signal(number, note)
print("ready", flush=True)
time.sleep(300)
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a folder with an app, Debian's default.ini and a configuration."""
    folder = tmp_path / "site"
    (folder / "run").mkdir(parents=True)
    (folder / "app.py").write_text(APP)
    (folder / "default.ini").write_text(DEFAULT.replace("RUN", str(folder / "run")))
    (folder / "site.ini").write_text(SITE)
    return folder


@pytest.fixture
def checking(tmp_path: Path) -> Callable[..., Check]:
    def run(*arguments: str, **environment: str) -> Check:
        return run_check(tmp_path / "check.json", "--ways", "max-requests", *arguments, **environment)

    return run


@pytest.fixture
def decoy(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Return the pid of a process that looks like the user's uWSGI, and the file with the signals that it got."""
    signals = tmp_path / "signals"
    process = subprocess.Popen(
        ["uwsgi", "-c", DECOY, str(signals)], executable=sys.executable, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process.pid, signals
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return the state of everything below `folder`. A file that came and went changes the times of its directory."""
    return {
        str(path): (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        for path in (folder, *sorted(folder.rglob("*")))
        if (status := path.lstat())
    }


def test_the_options_of_plugins_are_run_and_judged(checking: Callable[..., Check], site: Path) -> None:
    """Started as Debian's init script does it. From Python 3.13 on this configuration crashes by hand as well."""
    start = f"--ini {site}/default.ini --ini {site}/site.ini --daemonize {site}/run/log"
    done = checking("--uwsgi", str(UWSGI), "--chdir", str(site), "--args", start, **NAMES)
    run = done.value["run"]
    assert ["module", "app"] in run
    assert ["py-call-osafterfork", "true"] in run
    assert ["plugins", "python3,http"] in run
    python = tuple(map(int, done.value["server"]["python"].split(".")[:2]))
    assert done.value["verdict"] == ("crash_loop" if python >= (3, 13) else "recovers"), done.said
    assert "has no option" not in done.said
    assert "of the distribution" in done.said
    assert left_behind(Path(done.value["directory"])) == []


def test_the_name_of_the_binary_loads_its_plugin(site: Path, tmp_path: Path) -> None:
    invocation = Invocation(Path("/usr/bin/uwsgi_python3"), None, ("--module", "app"), {"PATH": "/usr/bin"}, site)
    effective = read_effective(invocation, tmp_path)
    assert ("module", "app") in effective.options
    assert "module" in effective.binary_options


def test_requests_that_a_lifetime_cuts_off_are_shown(checking: Callable[..., Check], site: Path) -> None:
    """The first thread ends the worker within 0.05 s of its lifetime; the requests of the others take 0.3 s."""
    version = subprocess.run([UWSGI, "--version"], capture_output=True, text=True, check=True).stdout
    if not is_before(version, "2.0.25"):
        pytest.skip(f"uWSGI {version.strip()} waits for the open requests")
    (site / "app.py").write_text(SLOW_APP)
    options = "plugins = python3\nmaster = true\nprocesses = 2\nthreads = 4\nhttp-socket = :8000\nmodule = app\n"
    more = "max-worker-lifetime = 3600\nskip-atexit-teardown = true\n"
    (site / "slow.ini").write_text(f"[uwsgi]\n{options}{more}")
    done = checking("--uwsgi", str(UWSGI), "--ini", str(site / "slow.ini"), "--chdir", str(site), "--ways", "recycle")
    way = next(way for way in done.value["ways"] if way["name"] == "max-worker-lifetime")
    assert (way["verdict"], way["cause"]) == ("recovers", "lifetime-cuts"), done.said
    assert way["lost"]["reset"] > 0
    assert "Loses requests: max-worker-lifetime" in done.said
    assert "threads = 1" in done.value["best_change"]["lines"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("module = app\n", "its Python is in a plugin, and the configuration loads none. So add plugins = python3."),
        ("plugins-dir = /nowhere\nplugin = rubyx\nmodule = app\n", "plugins-dir names /nowhere, which does not exist"),
        ("need-plugin = rubyx\n", "The plugin rubyx is missing"),
        ("plugin = python3\nmodule = app\nflock = /nowhere/lock\n", "/nowhere/lock, which the configuration names"),
    ],
)
def test_bad_input_is_one_sentence_and_touches_nothing(
    checking: Callable[..., Check], site: Path, text: str, says: str
) -> None:
    (site / "bad.ini").write_text(f"[uwsgi]\nhttp-socket = :8000\n{text}")
    before = snapshot(site)
    done = checking("--uwsgi", str(UWSGI), "--ini", str(site / "bad.ini"))
    assert done.code == 1, done.said
    assert says in done.value["error"]
    assert snapshot(site) == before


def test_an_emperor_has_a_line_for_each_vassal_and_nothing_is_touched(
    checking: Callable[..., Check], site: Path, decoy: tuple[int, Path]
) -> None:
    """The user's instances hold the locks of their files, and a process that looks like them is not signalled."""
    pid, signals = decoy
    vassals = site / "vassals"
    vassals.mkdir()
    pidfile = site / "run" / "pid"
    pidfile.write_text(f"{pid}\n")
    (site / "emperor.ini").write_text(
        "[uwsgi]\nemperor = %d/vassals\nflock = %p\nvassal-set = safe-pidfile=%d/run/pid\n"
    )
    one = f"plugins = python3\nsocket = %n.sock\nmodule = app\nchdir = {site}\nflock = %p\ntouch-reload = %p\n"
    (vassals / "one.ini").write_text(
        f"[uwsgi]\n{one}pidfile = {pidfile}\ndaemonize = {site}/run/%n.log\nvacuum = true\n"
    )
    (vassals / "two.yaml").write_text(f"uwsgi:\n  http-socket: ':8000'\n  module: nothing_here\n  chdir: {site}\n")
    before = snapshot(site)
    with (vassals / "one.ini").open("r+") as locked, (site / "emperor.ini").open("r+") as emperor:
        fcntl.lockf(locked, fcntl.LOCK_EX)
        fcntl.lockf(emperor, fcntl.LOCK_EX)
        done = checking("--uwsgi", str(UWSGI), "--ini", str(site / "emperor.ini"))
    time.sleep(0.1)
    assert done.code == 1, done.said
    assert "1 of 2  vassals/one.ini: the workers come back (recovers)" in done.said
    assert "2 of 2  vassals/two.yaml: could not check: This uWSGI has no option module" in done.said
    assert [row["code"] for row in done.value["vassals"]] == [0, 1]
    assert snapshot(site) == before
    assert not signals.exists()
