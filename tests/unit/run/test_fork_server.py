"""The fork server: a forked process is like one of `python -m MODULE`, and it never outlives its client."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.observe import proc
from stacks.run.forked_process import ForkedProcess, NotForked, Server, fork
from tests.patience import LIMIT_S, until

# The module that the processes run. It was not loaded by the server.
PROGRAM = """
import json, os, sys, time
if sys.argv[1:2] == ["fail"]:
    raise ValueError("it fails")
if sys.argv[1:2] == ["exit"]:
    sys.exit(7)
seen = {"arguments": sys.argv[1:], "cwd": os.getcwd(), "variable": os.environ["NAME"], "session": os.getsid(0)}
seen["has_decimal"], seen["stacks"] = "decimal" in sys.modules, [name for name in sys.modules if "stacks" in name]
print(json.dumps(seen), flush=True)
os.write(int(os.environ["EXTRA"]), b"extra")
if sys.argv[1:2] == ["wait"]:
    time.sleep(600)
"""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server("decimal")
    assert server.await_loaded(LIMIT_S)
    yield server
    server.close()


@pytest.fixture
def start(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ForkedProcess]:
    """Fork a process that runs PROGRAM; its output is in the file `output`, what it writes to EXTRA in `extra`."""
    monkeypatch.setattr("stacks.run.forked_process.FORK_LIMIT_S", 60.0)  # on a busy machine
    (tmp_path / "program.py").write_text(PROGRAM)

    def start(*arguments: str) -> ForkedProcess:
        with (
            Path(os.devnull).open("rb") as null,
            (tmp_path / "output").open("wb") as output,
            (tmp_path / "extra").open("wb") as extra,
        ):
            return fork(
                server.requests,
                "program",
                arguments,
                cwd=str(tmp_path),
                environment={"NAME": "value\udcff"},
                streams=(null.fileno(), output.fileno(), output.fileno()),
                fds={"EXTRA": extra.fileno()},
                orphan_signal=signal.SIGTERM,
            )

    return start


def test_a_forked_process_is_like_one_of_its_own(start: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    process = start("wait", "a b")
    until(lambda: (tmp_path / "extra").read_bytes() == b"extra")
    assert process.poll() is None
    assert json.loads((tmp_path / "output").read_text()) == {
        "arguments": ["wait", "a b"],
        "cwd": str(tmp_path),
        "variable": "value\udcff",
        "session": process.pid,
        "has_decimal": True,
        "stacks": [],
    }
    assert proc.command_line(process.pid)[1:5] == ["-m", "program", "wait", "a b"]
    process.terminate()
    assert process.wait(LIMIT_S) == -signal.SIGTERM
    process.kill()  # no error, although it has ended
    assert process.poll() == -signal.SIGTERM


@pytest.mark.parametrize(("argument", "code", "words"), [("exit", 7, ""), ("fail", 1, "ValueError: it fails")])
def test_the_exit_code_is_that_of_the_process(
    start: Callable[..., ForkedProcess], tmp_path: Path, argument: str, code: int, words: str
) -> None:
    assert start(argument).wait(LIMIT_S) == code
    assert words in (tmp_path / "output").read_text()


def test_two_processes_run_at_once_and_the_one_without_a_client_is_ended(start: Callable[..., ForkedProcess]) -> None:
    first, second = start("wait"), start("wait")
    first._answers.close()  # as the kernel does when the client is killed
    until(lambda: not proc.is_alive(first.pid))
    assert second.poll() is None
    second.kill()
    assert second.wait(LIMIT_S) == -signal.SIGKILL


def test_no_process_outlives_its_server(server: Server, start: Callable[..., ForkedProcess]) -> None:
    process = start("wait")
    os.kill(server.pid, signal.SIGKILL)
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    until(lambda: not proc.is_alive(process.pid))
    with pytest.raises(NotForked):
        start()


def test_modules_that_cannot_be_loaded_make_no_server() -> None:
    server = Server("no_such_module")
    assert not server.await_loaded(LIMIT_S)
    server.close()


def test_a_server_with_threads_forks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "threads.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=[600]).start()"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    server = Server("threads")
    assert not server.await_loaded(LIMIT_S)
    server.close()
