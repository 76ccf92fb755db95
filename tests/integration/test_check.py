"""`check` on real uWSGI: configurations of large projects, both deadlocks, bad input, and files that stay untouched."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest
from contract import problems_below

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe import proc
from tests.patience import LIMIT_S

from .conftest import ROOT, Check, left_behind, run_check

INIS = ROOT / "tests" / "data" / "inis"
NEW, OLD = "py312-2.0.30.post1", "py312-2.0.26"
ANSWERS = "def application(e, s):\n    s('200 OK', [('Content-Length', '1')])\n    return [b'x']\n"
PLAIN = "[uwsgi]\nmaster = true\nprocesses = 2\nhttp-socket = :8000\nmodule = app\ndie-on-term = true\n"


@dataclass
class Done(Check):
    suite: ElementTree.Element


Checking = Callable[..., Done]


@pytest.fixture
def checking(tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> Checking:
    """Return a function that checks a configuration (its text, its path, or arguments) and finds no process left."""

    def run(
        config: str | Path | None = PLAIN,
        *arguments: str,
        app: str | None = ANSWERS,
        version: str = NEW,
        uwsgi: str | None = None,
        ways: str = "max-requests",
        **environment: str,
    ) -> Done:
        theirs = tmp_path / "theirs"
        theirs.mkdir(exist_ok=True)
        if app is not None:
            (theirs / "app.py").write_text(app)
        if isinstance(config, str):
            (theirs / "uwsgi.ini").write_text(config)
            config = theirs / "uwsgi.ini"
        junit = tmp_path / "check.xml"
        command = [f"--ways={ways}", "--uwsgi", uwsgi or str(venv(version).uwsgi), f"--junit={junit}"]
        command += ["--ini", str(config)] if config is not None else []
        done = run_check(tmp_path / "check.json", *command, *arguments, **environment)
        if done.value["status"] == "done":
            assert problems_below(Path(done.value["directory"])) == []
            assert left_behind(Path(done.value["directory"])) == []
        return Done(done.code, done.said, done.value, ElementTree.parse(junit).getroot())  # noqa: S314

    return run


def inis() -> list[Path]:
    return sorted(p for p in INIS.iterdir() if p.suffix in (".ini", ".yaml", ".json") and "base" not in p.name)


@pytest.mark.parametrize("path", inis(), ids=lambda path: path.name)
def test_configurations_of_large_projects(checking: Checking, path: Path) -> None:
    done = checking(path, f"--chdir={INIS / 'apps'}", TAIGA_HOST="127.0.0.1")
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said
    assert done.value["measured"]["respawns"] >= 8
    assert done.value["measured"]["recycle_median_s"] > 0
    assert (done.suite.get("failures"), done.suite.get("errors")) == ("0", "0")
    run = dict(done.value["run"])
    for option in ("daemonize", "pidfile", "pidfile2", "safe-pidfile", "uid", "chroot", "logto", "emperor", "cron"):
        assert option not in run
    loaded = {key: value for key, value in done.value["effective"] if key in ("module", "wsgi-file")}
    assert all(run[key] == value for key, value in loaded.items())


def test_the_thread_state_of_pyuwsgi(checking: Checking) -> None:
    done = checking(PLAIN + "enable-threads = true\n", version=OLD, app="import time\ntime.sleep(1)\n" + ANSWERS)
    assert (done.code, done.value["verdict"], done.value["cause"]) == (3, "hung_worker", "thread-state"), done.said
    cures = {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]}
    assert cures == {"upgrade": True, "lazy-apps": False, "fork-hooks": False, "no-threads": True}
    assert "unbit/uwsgi#2659" in done.said
    # The trial ends at the first hang, and the second worker may not have left by then.
    assert re.search(r"lazy-apps = true: does not help, \d of \d workers? hung", done.said), done.said
    assert "Recommended change: upgrade pyuwsgi to 2.0.30.post1." in done.said
    assert done.suite.get("failures") == "1"


def test_a_thread_that_runs_in_the_master(checking: Checking) -> None:
    app = (catalogue.APPS / "busy_thread.py").read_text()
    done = checking(PLAIN + "enable-threads = true\npyargv = duty=0.9\n", app=app)
    assert (done.code, done.value["cause"]) == (3, "thread-at-fork"), done.said
    assert {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]} == {
        "lazy-apps": True,
        "fork-hooks": True,
    }
    assert len(done.value["threads_at_import"]) == 1
    assert "app.burn" in done.value["threads_at_import"][0]


@pytest.mark.parametrize("duty", [0.5, 0.0])
def test_two_defects_at_once(checking: Checking, duty: float) -> None:
    """No single remedy cures: the upgrade leaves the thread in the master, even if a resting thread does no harm."""
    app = (catalogue.APPS / "busy_thread.py").read_text()
    done = checking(PLAIN.replace("= 2", "= 4") + f"threads = 2\npyargv = duty={duty}\n", version=OLD, app=app)
    assert (done.code, done.value["cause"]) == (3, "thread-state"), done.said
    cures = {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]}
    assert not any(cures[name] for name in ("upgrade", "lazy-apps", "fork-hooks", "no-threads"))
    assert cures["upgrade+lazy-apps"]
    assert cures["upgrade+fork-hooks"]
    assert "Recommended change: lazy-apps = true and upgrade pyuwsgi to 2.0.30.post1." in done.said


def test_a_worker_that_never_ends(checking: Checking) -> None:
    done = checking(PLAIN + "threads = 2\n", version="py311-2.0.23.post0")
    if done.value["verdict"] == "recovers":
        pytest.skip("the second thread never reached max-requests, which is a matter of chance")
    assert (done.code, done.value["cause"]) == (3, "exit-stall"), done.said
    assert done.value["measured"]["hung"] > 0
    assert {remedy["name"] for remedy in done.value["remedies"]} == {"upgrade", "no-threads", "skip-atexit-teardown"}
    assert {remedy["name"] for remedy in done.value["remedies"] if remedy["cures"]} >= {"upgrade", "no-threads"}


def test_a_thread_that_every_worker_waits_for_at_its_exit(checking: Checking) -> None:
    app = (catalogue.APPS / "exit_join.py").read_text()
    done = checking(PLAIN + "enable-threads = true\n", app=app)
    assert (done.code, done.value["cause"]) == (3, "thread-joined-at-exit"), done.said
    cures = {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]}
    assert cures == {"lazy-apps": True, "fork-hooks": True, "skip-atexit-teardown": False}
    assert "skip-atexit-teardown = true: no cure" in done.said
    assert "Recommended change: lazy-apps = true." in done.said
    assert "reporter (threading.Event.wait)" in done.said


def test_a_thread_of_each_worker_that_never_ends(checking: Checking) -> None:
    """With lazy-apps the thread is not in the master, so skip-atexit-teardown is a real cure."""
    app = (catalogue.APPS / "waiting_thread.py").read_text()
    done = checking(PLAIN + "enable-threads = true\nlazy-apps = true\n", app=app)
    assert (done.code, done.value["verdict"]) == (3, "hung_exit"), done.said
    assert {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]} == {"skip-atexit-teardown": True}


def test_a_stop_that_hangs_is_explained(checking: Checking) -> None:
    """The exit handler waits only in a worker that leaves before max-requests: a recycle is quick and a stop is not."""
    app = (
        "import atexit, threading\nserved = 0\n@atexit.register\ndef finish():\n"
        "    if served != 5:\n        threading.Event().wait()\n"
        "def application(e, s):\n    global served\n    served += 1\n"
        "    s('200 OK', [('Content-Length', '1')])\n    return [b'x']\n"
    )
    done = checking(PLAIN.replace("= 2", "= 4"), app=app)
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said
    assert "only SIGKILL ended the instance" in done.said
    assert "and the master had not ended" in done.said
    roles = [process["role"] for process in done.value["measured"]["unstopped"]]
    assert roles[0] == "worker"
    assert roles[-1] == "master"
    assert (done.suite.get("failures"), done.suite.get("errors")) == ("1", "0")


def test_workers_that_crash(checking: Checking) -> None:
    config = PLAIN + "enable-threads = true\npy-call-osafterfork = true\n"
    done = checking(config, version="py313-2.0.30.post1")
    assert (done.code, done.value["verdict"], done.value["cause"]) == (3, "crash_loop", "after-fork-crash"), done.said
    cures = {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]}
    assert cures["no-osafterfork"]
    assert "Recommended change: py-call-osafterfork removed." in done.said


def test_a_page_that_hangs_every_worker_at_its_first_request(checking: Checking) -> None:
    app = (catalogue.APPS / "pool_at_import.py").read_text()
    done = checking(PLAIN + "enable-threads = true\n", app=app)
    assert (done.code, done.value["verdict"]) == (3, "hung_request"), done.said
    assert done.value["measured"]["evidence"]
    cures = {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]}
    assert (cures["lazy-apps"], cures["fork-hooks"]) == (True, False)


def test_a_page_that_ends_its_worker(checking: Checking) -> None:
    app = (catalogue.APPS / "exit_in_request.py").read_text()
    done = checking(app=app)
    assert (done.code, done.value["verdict"], done.value["cause"]) == (3, "crash_loop", "dead-on-request"), done.said
    assert done.value["measured"]["dead_on_request"] >= 3
    assert "(with exit code 1); the last line that such a worker wrote: backend: cannot continue after" in done.said
    assert {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]} == {
        "lazy-apps": False,
        "fork-hooks": False,
    }
    assert "lazy-apps = true: does not help" in done.said
    assert "before they were ready" not in done.said


def test_an_app_that_ends_each_process_which_did_not_import_it(checking: Checking) -> None:
    app = "import os\nME = os.getpid()\ndef application(e, s):\n    if os.getpid() != ME:\n        os._exit(1)\n"
    app += "    s('200 OK', [('Content-Length', '1')])\n    return [b'x']\n"
    done = checking(app=app)
    assert (done.code, done.value["verdict"], done.value["cause"]) == (3, "crash_loop", "dead-on-request"), done.said
    assert {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]} == {
        "lazy-apps": True,
        "fork-hooks": False,
    }
    assert "Recommended change: lazy-apps = true." in done.said


def test_an_exit_that_waits_for_a_thread_of_the_master_and_goes_on(checking: Checking) -> None:
    """An exporter that is told to end, and waited for, for a few seconds: the thread is the master's."""
    app = (
        "import atexit, threading\nended = threading.Event()\n"
        "thread = threading.Thread(target=ended.wait, daemon=True)\nthread.start()\n"
        "@atexit.register\ndef finish():\n    ended.set()\n    thread.join(timeout=4)\n" + ANSWERS
    )
    done = checking(PLAIN.replace("= 2", "= 4") + "enable-threads = true\n", app=app)
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said
    assert done.value["measured"]["recycle_phases_s"]["exit"] > 3
    assert {remedy["name"]: remedy["cures"] for remedy in done.value["remedies"]} == {
        "lazy-apps": True,
        "fork-hooks": True,
    }
    assert re.search(r"lazy-apps = true: an exit takes [\d.]+ s, without it [\d.]+ s", done.said), done.said
    assert "Recommended change: lazy-apps = true." in done.said


def test_only_the_environment(checking: Checking) -> None:
    """UWSGI_* variables as in container images, with uWSGI started in the directory of the app."""
    environment = {"UWSGI_HTTP": ":9000", "UWSGI_MODULE": "app", "UWSGI_PROCESSES": "2", "UWSGI_PIDFILE": "/run/x.pid"}
    done = checking(None, f"--chdir={INIS / 'apps'}", **environment | {"UWSGI_MODULE": "tiny"})
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said
    assert ["http", "127.0.0.1:$(PACK_PORT)"] in done.value["run"]


def test_only_arguments(checking: Checking) -> None:
    done = checking(None, f"--chdir={INIS / 'apps'}", "--args=--http :9000 --wsgi-file main.py -p 2 --master")
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said


def test_arguments_as_a_word_of_their_own_and_a_file_below_chdir(checking: Checking) -> None:
    arguments = "--http :9000 -p 2 --master"
    done = checking(None, "--chdir", str(INIS / "apps"), "--app", "main.py", "--args", arguments)
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said


def test_an_app_that_opens_its_output_by_path(checking: Checking) -> None:
    done = checking(app="out = open('/dev/stdout', 'w')\nprint('there', file=out, flush=True)\n" + ANSWERS)
    assert (done.code, done.value["verdict"]) == (0, "recovers"), done.said
    assert any("pipe" in change["why"] for change in done.value["changes"])


BAD = {
    "unknown option": (PLAIN + "strict = true\nenable-thraeds = true\n", ANSWERS, "did you mean enable-threads"),
    "missing plugin": (PLAIN + "need-plugin = ruby\n", ANSWERS, "plugin ruby is missing"),
    "no section": ("hello\n", ANSWERS, "no section [uwsgi]"),
    "no socket": ("[uwsgi]\nmodule = app\n", ANSWERS, "no address to listen on"),
    "no app": ("[uwsgi]\nhttp-socket = :8000\n", ANSWERS, "names none"),
    "no directory": (PLAIN + "chdir = /nowhere\n", ANSWERS, "--chdir"),
    "acts at once": (PLAIN + "exec-asap = touch /x\n", ANSWERS, "exec-asap"),
    "emperor": ("[uwsgi]\nemperor = /etc/x\n", ANSWERS, "vassals"),
    "fails at import": (PLAIN, "import nothing_here\n", "No module named 'nothing_here'"),
    "fails at import, need-app": (
        PLAIN + "need-app = true\n",
        "import nothing_here\n",
        "No module named 'nothing_here'",
    ),
    "no callable": (PLAIN, "x = 1\n", "no such callable"),
    "no module": (PLAIN.replace("= app", "= nosuch.module"), ANSWERS, "The module nosuch does not exist"),
    "blocks at import": (PLAIN, "import time\ntime.sleep(1000)\n", "--start-limit"),
    "answers 500": (PLAIN, ANSWERS.replace("200 OK", "500 No"), "/ answers 500"),
    "answers 20 MB": (
        PLAIN,
        "def application(e, s):\n    s('200 OK', [])\n    return [b'x' * 20000000]\n",
        "more than 1 MB",
    ),
    "never answers": (PLAIN, "import time\ndef application(e, s):\n    time.sleep(100)\n", "not answered within"),
    "raises": (PLAIN, "def application(e, s):\n    raise KeyError\n", "connection ended"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_explained(checking: Checking, name: str) -> None:
    config, app, says = BAD[name]
    limit = ["--start-limit=5"] if name == "blocks at import" else []
    done = checking(config, *limit, app=app)
    assert done.code == 1, done.said
    assert says in done.said
    assert says in done.value["error"]
    assert done.suite.get("errors") == "1"


@pytest.mark.parametrize(
    ("uwsgi", "says"), [("/bin/ls", "is not uWSGI"), ("/nowhere", "does not exist"), ("/etc/passwd", "not executable")]
)
def test_a_binary_that_is_not_uwsgi(checking: Checking, uwsgi: str, says: str) -> None:
    done = checking(uwsgi=uwsgi)
    assert done.code == (1 if uwsgi == "/bin/ls" else 2)
    assert says in done.said


def test_an_ini_that_does_not_exist(checking: Checking, tmp_path: Path) -> None:
    done = checking(tmp_path / "missing.ini")
    assert done.code == 2
    assert "does not exist" in done.said


def test_no_configuration_is_a_usage_error() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UWSGI_")}
    done = subprocess.run(
        [sys.executable, "-m", "stacks", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--ini" in done.stderr


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return the state of everything below `folder`. A file that came and went changes the times of its directory."""
    return {
        str(path): (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        for path in (folder, *sorted(folder.rglob("*")))
        if (stat := path.lstat())
    }


@pytest.mark.parametrize("broken", [False, True], ids=["good", "ends half-way"])
def test_no_file_or_socket_of_the_user_is_touched(checking: Checking, tmp_path: Path, broken: bool) -> None:
    """The user's instance runs during the check: its sockets, pidfile, log, fifo and TCP port do not change."""
    live = tmp_path / "live"
    live.mkdir()
    for name in ("pid", "log", "touch", "x.log"):
        (live / name).write_text("theirs")
    os.mkfifo(live / "fifo")
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(live / "sock"))
        unix.listen()
        theirs = {
            "socket": live / "sock",
            "http-socket": f"127.0.0.1:{taken.getsockname()[1]}",
            "stats": live / "stats",
            "pidfile": live / "pid",
            "safe-pidfile2": live / "pid",
            "daemonize": live / "log",
            "logger": f"file:{live}/x.log",
            "req-logger": f"file:{live}/req.log",
            "log-reopen": "true",
            "master-fifo": live / "fifo",
            "touch-reload": live / "touch",
            "vacuum": "true",
            "py-tracebacker": live / "tb",
            "hook-post-fork": f"exec:touch {live}/forked",
            "exec-pre-app": f"touch {live}/migrated",
            "attach-daemon": f"touch {live}/daemon",
            "metrics-dir": live,
        }
        config = "[uwsgi]\nmodule = app\nprocesses = 2\n" + "".join(
            f"{key} = {value}\n" for key, value in theirs.items()
        )
        if broken:
            config += f"spooler = {live}/missing\n"
        (tmp_path / "theirs").mkdir()
        (tmp_path / "theirs" / "app.py").write_text(ANSWERS)
        (tmp_path / "theirs" / "uwsgi.ini").write_text(config)
        before = snapshot(live), snapshot(tmp_path / "theirs")
        done = checking(tmp_path / "theirs" / "uwsgi.ini", app=None)
        assert done.code == int(broken), done.said
        assert (snapshot(live), snapshot(tmp_path / "theirs")) == before


def test_an_interrupted_check_leaves_no_process(tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> None:
    (tmp_path / "app.py").write_text(ANSWERS)
    (tmp_path / "uwsgi.ini").write_text(PLAIN)
    process = subprocess.Popen(
        [
            sys.executable,
            *"-m stacks check --ini".split(),
            str(tmp_path / "uwsgi.ini"),
            "--uwsgi",
            str(venv(NEW).uwsgi),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        seen: list[int] = []
        end = time.monotonic() + LIMIT_S
        while not any("stack.ini" in command(pid) for pid in seen):
            assert time.monotonic() < end
            time.sleep(0.05)
            seen = proc.descendants(process.pid)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1
        assert "interrupted" in said
        assert [pid for pid in seen if proc.is_alive(pid)] == []
    finally:
        process.kill()
        process.wait()


def command(pid: int) -> str:
    try:
        return (proc.PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
