"""py-spy's look at Python threads: what it prints -> the data of a row, and which processes the collector looks at."""

from __future__ import annotations

import json
import os
import select
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contexts import context, python
from contract import event_problems
from rows import at, generation, leave, looks, respawn, row
from thread_dumps import NAMES, dumps

from stacks.lifecycle.records import REQUEST_COLUMNS, Event
from stacks.observe import proc, python_threads
from stacks.observe.collectors.python_threads import ATTEMPTS, MOST_SERVED, MOST_STUCK, Collector, answered_pids
from tests.patience import until

THREAD = {"thread_name": None, "os_thread_id": 7, "owns_gil": False, "frames": []}
WITH_A_THREAD = """
import threading, time
def burn():
    while True: time.sleep(0.01)
threading.Thread(target=burn, daemon=True).start()
print("up")
time.sleep(60)
"""
TWO_TASKS = {1: "uwsgi", 2: "uwsgi"}


class TestText:
    def test_a_package_is_named_by_its_folder(self) -> None:
        of = python_threads.package_of
        assert of("/venv/lib/python3.12/site-packages/apscheduler/schedulers/base.py") == "apscheduler"
        assert of("/usr/lib/python3/dist-packages/six.py") == "six"
        assert of("/usr/lib/python3.11/concurrent/futures/thread.py") == "standard library"
        assert of("/opt/python/lib/python3.12/threading.py") == "standard library"
        assert of("<frozen importlib._bootstrap>") == "standard library"
        assert of("/venv/bin/pyuwsgi") == of("uwsgi") == "uWSGI"
        assert of("/srv/app/wsgi.py") == of("app.py") == ""

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            (
                "Permission Denied: Try running again with elevated permissions by going ...",
                python_threads.NOT_PERMITTED,
            ),
            (
                "Error: Failed to get process executable name. Check that the process is running.\n"
                "Caused by:\n   Permission denied (os error 13)",
                python_threads.NOT_PERMITTED,
            ),
            (
                "Error: Failed to get process executable name. Check that the process is running.\n"
                "Caused by:\n   No such file or directory (os error 2)",
                python_threads.NO_PROCESS,
            ),
            ("Error: Failed to find a python interpreter in the .data section", python_threads.NO_PYTHON),
            ("Error: Failed to find python version from target process", python_threads.NO_PYTHON),
            ("Error: Failed to get stack traces\nCaused by: Bad address", "py-spy failed: Failed to get stack traces"),
            ("", "py-spy failed"),
        ],
    )
    def test_the_reason_of_a_failure_is_one_sentence(self, error: str, reason: str) -> None:
        assert python_threads.reason_of(error) == reason

    def test_of_a_deep_stack_the_inside_and_the_outside_are_kept(self) -> None:
        frame = {"filename": "/srv/app/a.py", "short_filename": "a.py"}
        frames = [{**frame, "name": f"f{i}", "line": i} for i in range(100)]
        (thread,) = python_threads.parse(json.dumps([{**THREAD, "frames": frames}]))
        lines = [line for _, _, line, _ in thread["frames"]]
        assert lines == [*range(python_threads.INNER), *range(100 - python_threads.OUTER, 100)]

    def test_the_python_is_read_from_the_files_that_the_process_has_mapped(self) -> None:
        maps = "7f00-7f01 r-xp 0 08:01 1  /usr/lib/libc.so.6\n7f02-7f03 r-xp 0 08:01 2  /usr/lib/libpython3.11.so.1.0\n"
        assert python_threads.python_version(1, lambda _: maps) == "3.11"
        assert python_threads.python_version(1, lambda _: "") == ""

    @pytest.mark.parametrize("name", NAMES)
    def test_recorded_threads_are_rows_of_the_contract_and_a_text_for_people(self, name: str) -> None:
        for recorded in dumps(name):
            threads = python_threads.parse(json.dumps(recorded["dump"]))
            data = {"parent": 1, "python": "3.12", "threads": threads, "tasks": recorded["tasks"], "reason": ""}
            event = Event(1, "python_threads", "threads", 5, 0, {"role": "worker", "when": "ready", "file": "", **data})
            assert event_problems(json.loads(event.to_json())) == []
            text = python_threads.as_text(data)
            assert "the main thread" in text
            assert text.count("Python thread") == len(threads)


class TestPySpy:
    def look(self, pid: int, py_spy: str) -> dict[str, Any]:
        at_work = python_threads.PySpy(pid, py_spy)
        assert select.select([at_work.fd], [], [], 60)[0]
        return at_work.finish()

    def test_it_finds_the_threads_of_a_python_process_without_a_signal(self) -> None:
        py_spy = python_threads.command()
        assert py_spy is not None
        with python(WITH_A_THREAD) as child:
            data: dict[str, Any] = {}
            for _ in range(5):  # a look at a process that runs may meet it while its memory changes
                data = self.look(child.pid, py_spy)
                if not data["reason"]:
                    break
            assert data["reason"] == ""
            assert {thread["name"] for thread in data["threads"]} == {"MainThread", "Thread-1 (burn)"}
            assert len(data["tasks"]) == 2
            assert data["parent"] == os.getpid()
            assert data["python"] == f"3.{sys.version_info.minor}"
            status = proc.stat(child.pid)
            assert status is not None
            assert status.state not in "tT"

    def test_a_process_without_python_has_a_reason(self) -> None:
        py_spy = python_threads.command()
        assert py_spy is not None
        with subprocess.Popen(["sleep", "60"]) as child:
            try:
                assert self.look(child.pid, py_spy)["reason"] == python_threads.NO_PYTHON
            finally:
                child.kill()

    def test_without_py_spy_the_collector_says_what_is_used_instead(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        collector = Collector(context(tmp_path)[0])
        assert collector.open() == python_threads.NOT_INSTALLED
        assert not collector.busy


class FakePySpy:
    """A command in the place of py-spy: it prints a text, or an error, or takes too long."""

    def __init__(self, directory: Path, output: str = "", error: str = "", seconds: float = 0.0) -> None:
        code = f"import sys, time; time.sleep({seconds}); sys.stdout.write({output!r}); sys.exit({error!r} or 0)"
        self.path = directory / "py-spy"
        self.path.write_text(
            f'#!/bin/sh\nexec {sys.executable} -c "$CODE"\n'.replace("$CODE", code.replace('"', '\\"'))
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def living(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every pid of these tests be a living process with two threads."""
    monkeypatch.setattr(proc, "is_alive", lambda _pid: True)
    monkeypatch.setattr(proc, "thread_names", lambda pid: {pid: "uwsgi", pid + 5000: "uwsgi"})
    monkeypatch.setattr(proc, "stat", lambda _pid: proc.Stat(900, "S", 0, 2, 0, 7))


@pytest.mark.usefixtures("living")
class TestCollector:
    @pytest.fixture
    def collector(self, tmp_path: Path) -> Iterator[Collector]:
        ctx, self.watched = context(tmp_path, master_pid=900)
        collector = Collector(ctx)
        self.fake(collector, json.dumps([THREAD]))
        yield collector
        collector.close()

    def fake(self, collector: Collector, output: str = "", error: str = "", seconds: float = 0.0) -> None:
        collector._py_spy = str(FakePySpy(collector.context.directory, output, error, seconds).path)

    def feed(self, collector: Collector, *events: Event) -> None:
        for event in events:
            collector.context.lifecycle.feed(event)
            collector.on_event(event)

    def rows_of(self, collector: Collector) -> list[Event]:
        """Every row until no look is due."""
        rows: list[Event] = collector.sample()
        while self.watched:
            (fd,) = self.watched
            assert select.select([fd], [], [], 60)[0]
            rows += collector.read(fd)
        return rows

    def looks_of(self, collector: Collector) -> list[tuple[int, str]]:
        return [(event.pid, event.data["when"]) for event in self.rows_of(collector)]

    def test_before_the_load_it_looks_at_the_master_and_at_one_worker(self, collector: Collector) -> None:
        self.feed(collector, *generation(100, 101))
        assert collector.busy
        assert self.looks_of(collector) == [(900, "ready"), (100, "ready")]
        assert not collector.busy
        assert self.looks_of(collector) == []

    def test_it_waits_until_every_first_worker_is_ready(self, collector: Collector) -> None:
        self.feed(collector, *generation(100, ready=False))
        assert not collector.busy

    def test_a_healthy_process_with_one_thread_needs_no_py_spy(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(proc, "thread_names", lambda pid: {pid: "uwsgi"})
        collector._py_spy = "/does/not/exist"
        self.feed(collector, *generation(100))
        assert [event.data["threads"] for event in collector.sample()] == [[]]
        assert collector.off == ""

    def test_during_the_load_it_looks_at_no_process_that_is_well(self, collector: Collector) -> None:
        self.feed(collector, *generation(100), row(0.5, "load_begin", source="observer", window_s=5, mercy_s=60))
        assert not collector.busy
        assert self.looks_of(collector) == []

    def test_after_the_load_it_looks_at_two_workers_that_answered_first(self, collector: Collector) -> None:
        write_requests(collector.context.directory, (102, ""), (103, ""), (101, "reset"))
        load = [
            row(t, kind, source="observer", window_s=5, mercy_s=60) for t, kind in ((1, "load_begin"), (2, "load_end"))
        ]
        self.feed(collector, *generation(100, 101, 102, 103))
        assert len(self.rows_of(collector)) == 2
        self.feed(collector, *load)
        assert self.looks_of(collector) == [(102, "answered"), (103, "answered")]
        assert MOST_SERVED == 2

    def test_the_only_worker_is_looked_at_before_and_after_the_load(self, collector: Collector) -> None:
        self.feed(collector, *generation(100))
        assert self.looks_of(collector) == [(900, "ready"), (100, "ready")]
        load = [
            row(t, kind, source="observer", window_s=5, mercy_s=60) for t, kind in ((1, "load_begin"), (2, "load_end"))
        ]
        self.feed(collector, *load)
        assert self.looks_of(collector) == [(100, "unanswered")]

    def test_a_master_that_was_not_seen_before_the_load_is_looked_at_after_it(self, collector: Collector) -> None:
        load = [
            row(t, kind, source="observer", window_s=5, mercy_s=60) for t, kind in ((1, "load_begin"), (2, "load_end"))
        ]
        self.feed(collector, *generation(100), load[0])
        assert self.looks_of(collector) == []
        self.feed(collector, load[1])
        assert self.looks_of(collector) == [(900, "ready"), (100, "unanswered")]

    def test_workers_that_stand_still_are_looked_at_even_during_the_load(self, collector: Collector) -> None:
        self.feed(collector, *generation(*range(100, 106)), row(0.5, "load_begin", source="observer", mercy_s=60))
        for slot in range(1, 7):
            new = 200 + slot
            self.feed(collector, *respawn(slot, 99 + slot, new, 1.0, ready=False), *looks(new, 1.6, 2.0, "futex-timed"))
        rows = self.rows_of(collector)
        assert [event.data["when"] for event in rows] == ["stuck_at_fork"] * MOST_STUCK
        for event in rows:
            assert "thread" in (collector.context.directory / event.data["file"]).read_text()

    def test_workers_that_stand_still_at_their_exit_leave_one_that_never_answers_its_look(
        self, collector: Collector
    ) -> None:
        leaving = range(100, 100 + MOST_STUCK + 2)
        self.feed(collector, *generation(*leaving, 200), row(0.5, "load_begin", source="observer", mercy_s=60))
        for pid in leaving:
            self.feed(collector, leave(pid, 1.0)[0], *looks(pid, 1.1, 1.6, "futex-timed"))
        assert self.looks_of(collector) == [(pid, "stuck_at_exit") for pid in leaving][:MOST_STUCK]
        self.feed(collector, *looks(200, 1.1, 2.6, "futex", every=0.5))
        assert self.looks_of(collector) == [(200, "stuck_in_request")]

    def test_the_stage_is_that_in_which_the_worker_stands_still(self, collector: Collector) -> None:
        self.feed(collector, *generation(100, 101), row(0.5, "load_begin", source="observer", mercy_s=60))
        self.feed(
            collector, leave(100, 1.0)[0], *looks(100, 1.1, 1.6, "futex"), *looks(101, 1.1, 2.6, "futex", every=0.5)
        )
        assert sorted(self.looks_of(collector)) == [(100, "stuck_at_exit"), (101, "stuck_in_request")]

    def test_a_missing_permission_turns_it_off_and_says_why(self, collector: Collector) -> None:
        self.fake(collector, error="Permission Denied: Try running again")
        self.feed(collector, *generation(100))
        (event,) = self.rows_of(collector)
        assert event.data["reason"] == collector.off == python_threads.NOT_PERMITTED
        assert not collector.busy

    def test_a_failed_look_at_the_master_is_repeated(self, collector: Collector) -> None:
        self.fake(collector, error="Failed to get stack traces")
        self.feed(collector, *generation(100))
        assert [when for pid, when in self.looks_of(collector) if pid == 900] == ["ready"] * ATTEMPTS

    def test_a_look_that_takes_too_long_is_ended(self, collector: Collector) -> None:
        self.fake(collector, seconds=60)
        self.feed(collector, *generation(100))
        collector.sample()
        collector.context.clock = lambda: at(100)
        collector.sample()
        (fd,) = self.watched
        until(lambda: select.select([fd], [], [], 0)[0])
        collector._counts["master"] = 0
        collector._counts["ready"] = 0
        (event,) = collector.read(fd)
        assert event.data["reason"] == "py-spy took too long"

    def test_threads_of_uwsgi_itself_are_not_those_of_the_app(
        self, collector: Collector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are younger than the first worker, and have no name of their own."""
        tasks = {900: "uwsgi", 901: "uwsgi", 902: "uwsgi", 903: "polars-0"}
        starts = {900: 1, 901: 5, 100: 9, 902: 9, 903: 12}
        monkeypatch.setattr(proc, "thread_names", lambda pid: tasks if pid == 900 else {pid: "uwsgi"})
        monkeypatch.setattr(proc, "stat", lambda pid: proc.Stat(900, "S", 0, 2, 0, starts[pid]))
        self.feed(collector, *generation(100))
        event = self.rows_of(collector)[0]
        assert event.data["tasks"] == [[900, "uwsgi"], [901, "uwsgi"], [903, "polars-0"]]


def write_requests(directory: Path, *rows: tuple[int, str]) -> None:
    lines = ["\t".join(REQUEST_COLUMNS)]
    for pid, error in rows:
        values = dict.fromkeys(REQUEST_COLUMNS, "0") | {"pid": str(pid), "error": error}
        lines.append("\t".join(values.values()))
    (directory / "requests-1.tsv").write_text("\n".join(lines) + "\n")


class TestAnsweredPids:
    def test_they_are_those_of_requests_with_an_answer(self, tmp_path: Path) -> None:
        write_requests(tmp_path, (100, ""), (101, "reset"), (100, ""), (102, ""))
        assert answered_pids(tmp_path) == {100, 102}

    def test_without_a_file_there_are_none(self, tmp_path: Path) -> None:
        assert answered_pids(tmp_path) == set()
