"""A new stack, app, scenario or collector is one file: each file in these folders works, and no list names it."""

from __future__ import annotations

import ast
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from contexts import context
from rows import generation, hang, respawn, row
from sources import tree

from stacks.catalogue import APPS, PACK_SECTION, SCENARIOS, SHARED, STACKS, load, read_ini
from stacks.lifecycle.records import Event
from stacks.observe.collectors import Base, discover
from stacks.run.forked_process import Server, fork
from tests.patience import LIMIT_S

STACK_FILES = sorted(path for path in STACKS.glob("*.ini") if path.name not in SHARED)
APP_FILES = sorted(APPS.glob("*.py"))
SCENARIO_FILES = sorted(path for path in SCENARIOS.glob("*.py") if not path.name.startswith("_"))
COLLECTORS = discover()
PLACEHOLDERS = {"PACK_PORT", "PACK_APP", "PACK_BINARY", "PACK_RUN", "PACK_WORKERS", "PACK_MAX_REQUESTS"}


def stem(path: Path) -> str:
    return path.stem


def test_there_are_files_of_each_kind() -> None:
    assert len(STACK_FILES) >= 50
    assert {"hello", "busy_thread"} <= {path.stem for path in APP_FILES}
    assert {"steady", "burst", "sparse"} <= {path.stem for path in SCENARIO_FILES}
    assert len(COLLECTORS) == len(
        [p for p in (STACKS / "observe" / "collectors").glob("*.py") if p.name != "__init__.py"]
    )


@pytest.mark.parametrize("path", STACK_FILES, ids=stem)
def test_a_stack_is_a_few_lines_that_include_the_base(path: Path) -> None:
    sections = read_ini(path)
    assert set(sections) == {"uwsgi", PACK_SECTION}
    assert sections["uwsgi"][0] in [("ini", f"%d{name}") for name in SHARED]
    assert len(sections["uwsgi"]) <= 10
    assert path.read_text().startswith("; ")  # the purpose of the stack
    stack = load().stacks[path.stem]
    assert stack.what
    assert (APPS / stack.app).is_file()


def test_the_ini_files_use_only_placeholders_that_a_run_fills_in() -> None:
    texts = [path.read_text() for path in STACKS.glob("*.ini")]
    assert {word.split(")")[0] for text in texts for word in text.split("$(")[1:]} == PLACEHOLDERS
    assert dict(read_ini(STACKS / "common.ini")["uwsgi"])["strict"] == "true"


@pytest.mark.parametrize("path", APP_FILES, ids=stem)
def test_an_app_compiles_and_has_a_docstring_and_an_application(path: Path) -> None:
    module = tree(path)
    compile(module, str(path), "exec")
    assert ast.get_docstring(module)
    (application,) = [n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "application"]
    assert len(application.args.args) == 2


@pytest.mark.parametrize("path", APP_FILES, ids=stem)
def test_every_app_belongs_to_a_stack(path: Path) -> None:
    assert path.name in {stack.app for stack in load().stacks.values()}


@pytest.fixture(scope="module")
def locust() -> Iterator[Server]:
    """Return a process that has loaded Locust and forks one for each scenario, as a campaign does."""
    server = Server("locust.main", "locust.contrib.fasthttp")
    assert server.await_loaded(LIMIT_S)
    yield server
    server.close()


@pytest.mark.parametrize("path", SCENARIO_FILES, ids=stem)
def test_a_scenario_runs_with_locust_alone(
    path: Path, tmp_path: Path, locust: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.run.forked_process.FORK_LIMIT_S", LIMIT_S)
    place = tmp_path / "place"
    place.mkdir()
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PACK_", "LOCUST_"))}
    with Path(os.devnull).open("rb") as null, (tmp_path / "output").open("wb") as output:
        process = fork(
            locust.requests,
            "locust",
            ("-f", str(path), "--list"),
            cwd=str(place),  # a scenario must not depend on the directory in which Locust starts
            environment=variables,
            streams=(null.fileno(), output.fileno(), output.fileno()),
            fds={},
            orphan_signal=signal.SIGTERM,
        )
    code, text = process.wait(LIMIT_S), (tmp_path / "output").read_text()
    assert code == 0, text
    assert text.partition("Available Users:")[2].split(), text
    assert ast.get_docstring(tree(path))
    assert os.listdir(place) == []


def test_locust_finds_the_scenarios_of_the_folder_and_no_other_class(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(SCENARIOS), "--list"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PACK_", "LOCUST_"))},
    )
    assert done.returncode == 0, done.stderr
    users = [
        node.name
        for path in SCENARIO_FILES
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and any(getattr(base, "id", "").endswith("User") for base in node.bases)
    ]
    assert sorted(done.stdout.replace("Available Users:", "").split()) == sorted(users)


def test_a_collector_has_the_name_of_its_file_and_no_other_source_of_rows_has_this_name() -> None:
    names = [collector.name for collector in COLLECTORS]
    assert len(set(names)) == len(names)
    assert not {"base", "observer"} & set(names)
    assert names == [collector.__module__.rsplit(".", 1)[1] for collector in COLLECTORS]


@pytest.fixture
def worker_rows() -> list[Event]:
    """Rows of workers with every outcome, with pids that no process of this machine has."""
    pid = 2**22
    rows = [*generation(pid + 1, pid + 2), *respawn(1, pid + 1, pid + 3, 1.0), *respawn(2, pid + 2, pid + 4, 1.0)]
    return [*rows, *hang(pid + 4, 2.0), row(3.0, "heartbeat"), row(4.0, "stop")]


@pytest.mark.parametrize("kind", COLLECTORS, ids=lambda kind: kind.name)
def test_a_collector_opens_takes_rows_and_closes_every_descriptor(
    kind: type[Base], tmp_path: Path, worker_rows: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # no tool can be started
    before = set(os.listdir("/proc/self/fd"))
    read_fd, write_fd = os.pipe() if kind.name != "log" else socket_pair()
    collector_context, watched = context(tmp_path, log_fd=read_fd)
    assert issubclass(kind, Base)
    collector = kind(collector_context)
    why_not = collector.open()
    assert isinstance(why_not, str)
    assert not (why_not and watched)  # a collector that cannot work watches no descriptor
    for event in worker_rows:
        collector_context.lifecycle.feed(event)
        collector.on_event(event)
    if collector.interval_s is not None and not why_not:
        rows = [event for _ in range(3) for event in collector.sample()]
        assert all(event.source == kind.name and event.t_ns == 42 for event in rows)
        assert [Event.from_json(event.to_json()).kind for event in rows] == [event.kind for event in rows]
    collector.close()
    for fd in {write_fd, *([read_fd] if kind.name != "log" else [])}:
        os.close(fd)
    assert set(os.listdir("/proc/self/fd")) == before


def socket_pair() -> tuple[int, int]:
    one, other = socket.socketpair()
    return one.detach(), other.detach()
