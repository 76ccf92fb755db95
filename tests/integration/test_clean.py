"""Whatever ends a run in the middle, no process, no listening port and no private directory is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract import problems_below

from stacks.catalogue import ROOT
from stacks.catalogue.venvs import Venv
from stacks.observe import proc
from tests.patience import LIMIT_S, until

from .conftest import left_behind, shell, unless_held_up

LASTS, HANGS = "py312-2.0.30.post1", "py312-2.0.26"  # with LASTS, a load of 300 s goes on until the signal comes


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temp folder of the processes of this test."""
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@contextmanager
def loading(results: Path, version: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A campaign in the middle of the load of its first run, in which workers leave."""
    process = subprocess.Popen(
        [sys.executable, *"-m stacks loadtest --trials=1 --duration=300".split()]
        + ["--stack=thread-at-fork-lazy,threads", f"--version={version}"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until((results / "latest").exists, "no campaign")
        directory = (results / "latest").resolve()
        until(lambda: b"Respawned" in b"".join(p.read_bytes() for p in directory.glob("*/uwsgi.log")), "no respawn")
        yield process, directory
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def busy_stack(
    temporary: Path, venv: Callable[[str], object], results: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A campaign in the middle of a load that lasts: its workers recycle and come back."""
    venv(LASTS)
    with loading(results, LASTS) as campaign:
        yield campaign


def named(process: subprocess.Popen[bytes], word: str) -> int:
    """The descendant of a campaign that has this name, or, if the word has a NUL, whose command line has it."""
    for pid in proc.descendants(process.pid):
        if word in "\0".join(proc.command_line(pid)) if "\0" in word else word == proc.name(pid):
            return pid
    raise AssertionError(word)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle(
    busy_stack: tuple[subprocess.Popen[bytes], Path], temporary: Path, number: signal.Signals
) -> None:
    process, directory = busy_stack
    process.send_signal(number)
    assert process.wait(LIMIT_S) == 1
    assert left_behind(directory) == []
    assert statuses(directory) == {"interrupted"}
    assert list(temporary.glob("pack-*")) == []
    assert problems_below(directory) == []


def test_a_signal_while_the_workers_hang(venv: Callable[[str], object], results: Path, temporary: Path) -> None:
    """Hung workers end the load, so the signal may also come after the verdict of a run."""
    venv(HANGS)
    with loading(results, HANGS) as (process, directory):
        process.terminate()
        process.wait(LIMIT_S)
        assert left_behind(directory) == []
        assert statuses(directory) <= {"interrupted", "done"}
        assert list(temporary.glob("pack-*")) == []
        assert problems_below(directory) == []


@pytest.mark.parametrize("who", ["pack-observer", "pack-guard", "\0locust\0", "uwsgi", "fork_server\0stacks"])
def test_one_process_is_killed(busy_stack: tuple[subprocess.Popen[bytes], Path], temporary: Path, who: str) -> None:
    """SIGKILL: the one that dies cannot clear up, so another must."""
    process, directory = busy_stack
    run = next(path.parent for path in directory.glob("*/uwsgi.log"))
    os.kill(named(process, who), signal.SIGKILL)
    until(lambda: '"status": "running"' not in (run / "run.json").read_text(), "the run never ended")
    process.send_signal(signal.SIGTERM)
    process.wait(LIMIT_S)
    assert left_behind(directory) == []
    assert list(temporary.glob("pack-*")) == []
    assert (run / "requests.parquet").exists() or who == "pack-guard"


def test_the_campaign_is_killed(busy_stack: tuple[subprocess.Popen[bytes], Path], temporary: Path) -> None:
    process, directory = busy_stack
    master = named(process, "uwsgi")
    assert any(line.startswith(f"{master}: ") for line in left_behind(directory))  # it does find what is there
    process.kill()
    process.wait()
    until(lambda: left_behind(directory) == [], f"left behind: {left_behind(directory)}")
    assert list(temporary.glob("pack-*")) == []
    assert statuses(directory) == {"interrupted"}


APP = """
import time
time.sleep({start_s})
def application(environ, start_response):
    time.sleep({answer_s})
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def statuses(directory: Path) -> set[str]:
    """What every run.json below a directory says of the end of its run."""
    return {json.loads(path.read_text())["status"] for path in directory.rglob("run.json")}


# (command, version, seconds that the app takes to start, seconds of an answer, what is seen when the signal comes)
# Each of these moments lasts for 20 s at least.
MOMENTS = {
    "judge, the load": ("judge", LASTS, 0, 0, '"load_begin"'),
    "check, the start of the app": ("check", HANGS, 60, 0, '"start"'),
    "check, the probe": ("check", HANGS, 0, 4, '"ready"'),
    "check, the load": ("check", LASTS, 0, 0.5, '"load_begin"'),
    "check, the remedies": ("check", HANGS, 0, 0.5, ""),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_to_the_group_of_a_command(
    venv: Callable[[str], Venv], results: Path, temporary: Path, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    """As the terminal sends Ctrl-C: to every process of the command's group, and the guard sends it on as well."""
    command, version, start_s, answer_s, seen = MOMENTS[moment]
    (tmp_path / "app.py").write_text(APP.format(start_s=start_s, answer_s=answer_s))
    ini = tmp_path / "app.ini"
    ini.write_text(f"[uwsgi]\nhttp-socket = :0\nmaster = true\nenable-threads = true\nwsgi-file = {tmp_path}/app.py\n")
    what = f"--ini={ini}" if command == "check" else "--stack=lifetime"
    process = subprocess.Popen(
        [sys.executable, "-m", "stacks", command, f"--uwsgi={venv(version).uwsgi}", what],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pattern, fewest = (f"{command}-*/events.jsonl", 1) if command == "judge" else ("check-*/theirs/events.jsonl", 1)
    if not seen:
        pattern, fewest = "check-*/with-*/events.jsonl", 3  # three remedies are tried at a time
    try:
        until(lambda: sum(seen in path.read_text() for path in results.glob(pattern)) >= fewest, "never seen")
        os.killpg(process.pid, number)
        assert process.wait(LIMIT_S) == (130 if command == "judge" else 1)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert left_behind(results) == []
    assert list(temporary.iterdir()) == []
    assert "interrupted" in statuses(results)
    assert "running" not in statuses(results)


# (arguments, words of the output after the interrupt, exit code)
SEARCHES = {
    "capacity": (["--workers=4", "--threads=1", "--trials=1", "--demand=40"], "interrupted before the last size", 1),
    "bisect": (["--stack=threads", "--version=3.12"], "interrupted", 1),
}


@pytest.mark.parametrize("command", SEARCHES)
def test_an_interrupted_search_ends_its_runs_and_reports_nothing(
    venv: Callable[[str], Venv], results: Path, temporary: Path, tmp_path: Path, command: str
) -> None:
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    arguments, words, code = SEARCHES[command]
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "stacks", command, *arguments],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            files = "*/*/events.jsonl"
            until(lambda: any('"load_begin"' in path.read_text() for path in results.glob(files)), "no run")
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait(LIMIT_S) == code
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    assert words in (tmp_path / "output").read_text()
    assert left_behind(results) == []
    assert list(temporary.iterdir()) == []
    assert "running" not in statuses(results)
    assert "interrupted" in statuses(results)
    assert list(results.glob("*/capacity.*")) == []


# May look into directories that are closed to others, such as root's own with its interpreters - and nothing else.
NOBODY = (
    "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search --ambient-caps=+dac_read_search"
)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv to become nobody")
def test_an_ordinary_user_gets_the_same_verdicts(
    venv: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without root's right to trace and to signal what it likes."""
    monkeypatch.delenv("PACK_RESULTS")
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns("results", ".*", "tests"))
    (clone / ".venv").symlink_to(ROOT / ".venv")
    os.chown(clone, 65534, 65534)
    for parent in [tmp_path, *tmp_path.parents]:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    command = f"{NOBODY} {sys.executable} -m stacks loadtest --trials=1 --stack=threads"
    command += " --version=py312-2.0.26,py312-2.0.30.post1"
    pyenv = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    done = unless_held_up(lambda: shell(command, cwd=clone, PYENV_ROOT=pyenv, HOME=str(clone)), clone / "results")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = [json.loads(path.read_text()) for path in clone.glob("results/latest/*/run.json")]
    (hung,) = [run for run in runs if run["verdict"] == "hung_worker"]
    may_trace = Path("/proc/sys/kernel/yama/ptrace_scope")
    if not may_trace.exists() or may_trace.read_text().strip() == "0":
        assert hung["evidence"].startswith("waits for the GIL, owned by the master's main thread")
    else:
        assert hung["collectors"]["python_threads"].startswith("not available: ")
    assert left_behind(clone) == []
