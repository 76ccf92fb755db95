"""The commands that `faults` disturbs: each is prepared in a folder of its own, with all that it needs to run there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from damage import make_campaign  # noqa: E402

from stacks.observe import proc  # noqa: E402
from tests.quiet_port import quiet_port  # noqa: E402

APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"
STACK = ["--stack", "threads", "--version", "py312-2.0.30.post1"]
NAMES = ("loadtest", "check", "matrix", "judge", "capacity", "summary", "report", "ui", "watch", "hosts")
ENDLESS = ("ui", "watch")  # they end when they are told to
RESUMES = ("matrix",)  # a second call goes on where the first one was ended
START_LIMIT_S = 60.0
# Stands for ssh, with this machine as the other one: like ssh, it does not end what it has started when it is killed.
SSH = ["sh", "-c", 'for last; do :; done; sh -c "$last"; exit $?', "ssh"]


@contextmanager
def prepared(name: str, folder: Path, uwsgi: Path) -> Iterator[list[str]]:
    """Prepare the command `name` in `folder`, and yield the arguments of Python for it."""
    campaign = folder / "results" / "golden"
    make_campaign(campaign, ("recovers", "hung_worker"))
    stacks, analysis = ["-m", "stacks", name], ["-m", "analysis", name]
    if name in ("summary", "report"):
        yield [*analysis, str(campaign)]
    elif name == "ui":
        yield ["locustfiles/workers_ui", "--port", str(quiet_port())]
    elif name == "watch":
        with running_uwsgi(folder, uwsgi) as pid:
            yield [*stacks, "--pid", str(pid), "--json", "--record", str(folder / "results" / "watched")]
    elif name == "hosts":
        yield ["-m", "stacks", "loadtest", "--hosts", str(fleet_file(folder)), "--trials", "1", *STACK]
    else:
        more = {
            "loadtest": ["--trials", "2", *STACK],
            "matrix": ["--trials", "1", *STACK],
            "judge": ["--uwsgi", str(uwsgi), "--stack", "threads"],
            "check": ["--uwsgi", str(uwsgi), "--ini", str(configuration(folder))],
            "capacity": ["--version", "py312-2.0.30.post1", "--workers", "2", "--trials", "1"],
        }
        yield [*stacks, *more[name]]


def configuration(folder: Path) -> Path:
    """Write an app and its configuration."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    ini = folder / "app.ini"
    ini.write_text(
        f"[uwsgi]\nhttp-socket = 127.0.0.1:0\nmaster = true\nprocesses = 2\nwsgi-file = {folder}/app.py\n",
        encoding="utf-8",
    )
    return ini


@contextmanager
def running_uwsgi(folder: Path, uwsgi: Path) -> Iterator[int]:
    """Start uWSGI without the pack, and yield the pid of its master. No watcher may end it."""
    with (folder / "uwsgi.log").open("wb") as log:
        master = subprocess.Popen([str(uwsgi), "--ini", str(configuration(folder))], stdout=log, stderr=log)
    try:
        end_s = time.monotonic() + START_LIMIT_S
        while len(proc.children_of(master.pid)) < 2:
            if time.monotonic() > end_s or master.poll() is not None:
                raise RuntimeError(f"{folder}/uwsgi.log: uWSGI did not start")
            time.sleep(0.05)
        yield master.pid
        if master.poll() is not None:
            raise RuntimeError("the watcher ended the uWSGI that it watched")
    finally:
        master.send_signal(signal.SIGINT)  # uWSGI stops; SIGTERM would reload it, and SIGKILL orphan its workers
        try:
            master.wait(START_LIMIT_S)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()


def fleet_file(folder: Path) -> Path:
    """Write the file of a run on many hosts, which all are this machine."""
    location, port = folder / "results" / "location", quiet_port()
    words = ", ".join(f"'{word}'" for word in SSH)
    file = folder / "hosts.toml"
    file.write_text(
        f'location = "{location}"\nmaster = "127.0.0.1"\nmaster_port = {port}\nssh = [{words}]\n'
        f'[uwsgi]\nssh = "here"\ndirectory = "{ROOT}"\naddress = "127.0.0.1:{quiet_port()}"\n'
        f'[[load]]\nssh = "here"\ndirectory = "{ROOT}"\nprocesses = 1\n',
        encoding="utf-8",
    )
    return file


def environment(folder: Path, mark: str) -> dict[str, str]:
    """Return the environment of a command: its files stay in `folder`, and `mark` tells what belongs to it."""
    return {**os.environ, "TMPDIR": str(folder / "tmp"), "PACK_RESULTS": str(folder / "results"), mark: folder.name}
