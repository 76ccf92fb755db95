"""The options of `make ui`: each wrong option is reported in one sentence, and all of them at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui.__main__ import find_scenario, import_error, port_error

from stacks.listen.address import Listening
from tests.patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "locustfiles" / "workers_ui"), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", "80 89", ""])
def test_a_text_that_is_not_a_port_is_an_error(port: str) -> None:
    assert "is not a port" in port_error(port, Listening())


def test_for_a_port_in_use_another_port_is_suggested() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} cannot be used" in port_error(port, Listening())
        done = start("--port", port)
    assert done.returncode == 1
    assert "make ui UI_PORT=" in done.stderr
    assert done.stderr.count("\n") == 1
    assert port_error(port, Listening()) == ""


@pytest.mark.parametrize("text", ["128", "", "0.0.0.0.0", "*"])
def test_what_is_no_address_to_listen_on_is_an_error(text: str) -> None:
    """LISTEN=128 is right for `make loadtest`: there it is the length of a queue."""
    done = start("--listen", text)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"make ui: LISTEN={text} is not an address of this machine. Write one such as 0.0.0.0"
    )


def test_an_address_of_another_machine_is_an_error() -> None:
    done = start("--listen", "192.0.2.1")
    assert (done.returncode, done.stderr) == (1, "make ui: LISTEN=192.0.2.1 is not an address of this machine\n")


def test_all_errors_are_reported_at_once() -> None:
    done = start("--port", "0", "--scenario", "stedy", "--pid", "0", "--listen", "128")
    assert done.returncode == 1
    assert [line.partition(" ")[0] for line in done.stderr.splitlines()] == ["make"] * 4
    assert "steady" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scenario_is_found_by_its_name_and_by_its_path(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.touch()
    assert find_scenario("steady") == ROOT / "locustfiles" / "steady.py"
    assert find_scenario(str(mine)) == mine
    assert find_scenario("_recorder") is None
    assert find_scenario("nothing") is None
    assert find_scenario(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import os\n\nimport nothing_of_that_name\n", ("line 3", "nothing_of_that_name")),
        ("def f(:\n", ("line 1", "SyntaxError")),
        ("\n1 / 0\n", ("line 2", "division")),
    ],
)
def test_a_scenario_that_cannot_be_imported_is_one_sentence(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    done = start("--scenario", str(mine), "--port", port)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in (str(mine), "SCENARIO=", *words))


def test_an_error_without_a_line_number_names_the_file() -> None:
    assert import_error(Path("a.py"), ValueError("x")) == "a.py: the scenario cannot be imported (ValueError: x)"
