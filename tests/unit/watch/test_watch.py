"""Watching a master: pictures, changes, exit codes and every kind of input that cannot be watched."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from forking_master import Master, forking_master

from stacks.observe import uwsgi_processes
from stacks.observe.proc import tasks
from stacks.watch import command, view
from stacks.watch.fleet import Fleet, Source
from stacks.watch.table import print_tables, spark
from stacks.watch.target import CannotWatch
from stacks.watch.view import Change
from stacks.watch.watch import Watch
from tests.patience import LIMIT_S, until


class Watching:
    """A watch of a master, and the changes that it told of."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.watch = Watch.open(master.pid)
        self.changes: list[Change] = []

    def until(self, condition: Callable[[], object]) -> None:
        end_s = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end_s, [change.to_dict() for change in self.changes]
            self.changes += self.watch.step(0.05)

    def change(self, kind: str) -> Change:
        """Wait for the first change of a kind, and return it."""
        self.until(lambda: kind in self.kinds())
        return next(change for change in self.changes if change.kind == kind)

    def kinds(self) -> list[str]:
        return [change.kind for change in self.changes]


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    with forking_master(tmp_path) as master:
        watched = Watching(master)
        watched.until(lambda: len(watched.watch.view().workers) == 3 and watched.watch.is_settled)
        yield watched
        watched.watch.close()


def test_the_picture_shows_each_worker_and_its_queue(watching: Watching) -> None:
    picture = watching.watch.view()
    assert [worker.slot for worker in picture.workers] == [1, 2, 3]
    assert {worker.state for worker in picture.workers} == {view.IDLE}
    assert picture.hung == 0
    assert picture.respawns == {}
    assert len(picture.other_pids) == 1  # the mule
    assert picture.queues is not None
    assert [(queue.address, queue.waiting, queue.limit) for queue in picture.queues] == [
        (str(watching.master.socket), 0, 5)
    ]


def test_a_worker_with_a_connection_in_hand_serves(watching: Watching) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(watching.master.socket))
        watching.until(lambda: watching.watch.view().count(view.SERVING) == 1)
        assert sum(worker.requests or 0 for worker in watching.watch.view().workers) == 1


def test_a_respawn_is_counted_by_its_cause_and_timed(watching: Watching) -> None:
    for slot, status, cause in ((1, 30, view.RECYCLED), (2, 17, view.RELOADED), (3, 22, view.CRASHED)):
        count = watching.kinds().count(view.READY)
        watching.master.tell(f"end {slot} {status}")
        watching.until(lambda count=count: watching.kinds().count(view.READY) > count)  # type: ignore[misc]
        assert watching.watch.view().respawns[cause] == 1
    os.kill(watching.watch.view().workers[0].pid, signal.SIGKILL)
    watching.until(lambda: watching.watch.view().respawns.get(view.KILLED))
    ready = watching.change(view.READY)
    assert ready.slot == 1
    assert ready.data["start_s"] > 0
    worker = watching.watch.view().workers[1]
    assert worker.respawns == 1
    assert worker.last_respawn is not None
    assert worker.last_respawn.total_s is not None
    assert sum(watching.watch.view().respawn_history) == 4


def test_a_hang_at_the_fork_is_told_once_and_ends_with_its_process(watching: Watching) -> None:
    watching.master.tell("broken")
    watching.master.tell("end 2 30")
    hung = watching.change(view.WORKER_HUNG)
    assert (hung.slot, hung.data["where"]) == (2, view.AT_FORK)
    assert 0 <= hung.data["proven_s"] < hung.data["hung_s"]
    picture = watching.watch.view()
    assert (picture.hung, picture.count(view.HUNG), picture.is_hung) == (1, 1, True)
    os.kill(hung.pid, signal.SIGKILL)
    assert watching.change(view.WORKER_MOVES).pid == hung.pid
    assert watching.kinds().count(view.WORKER_HUNG) == 1


def test_a_hang_in_a_request_is_told(watching: Watching) -> None:
    watching.master.tell("stick 3")
    hung = watching.change(view.WORKER_HUNG)
    assert (hung.slot, hung.data["where"]) == (3, view.IN_REQUEST)


def test_a_reload_is_told_and_the_watch_goes_on(watching: Watching) -> None:
    watching.master.tell("reload")
    watching.change(view.MASTER_RELOADED)
    watching.until(lambda: len(watching.watch.view().workers) == 3 and not watching.watch.doing)
    doings = [change.data["doing"] for change in watching.changes if change.kind == view.DOING]
    assert doings == [view.RELOADING, ""]
    assert watching.watch.view().reloads == 1


def test_a_chain_is_over_once_its_last_worker_is_back(watching: Watching) -> None:
    for slot in (1, 2, 3):
        count = watching.kinds().count(view.READY)
        watching.master.tell(f"end {slot} 17")
        watching.until(lambda count=count: watching.kinds().count(view.READY) > count)  # type: ignore[misc]
    watching.until(lambda: not watching.watch.doing)
    assert [change.data["doing"] for change in watching.changes if change.kind == view.DOING] == [view.CHAIN, ""]


def test_a_stopped_master_stands_still_until_it_goes_on(watching: Watching) -> None:
    os.kill(watching.master.pid, signal.SIGSTOP)
    try:
        assert "stood for 10 s" in watching.change(view.MASTER_HUNG).text
    finally:
        os.kill(watching.master.pid, signal.SIGCONT)
    watching.change(view.MASTER_MOVES)


def test_the_end_of_the_master_is_told(watching: Watching) -> None:
    watching.master.kill()
    watching.change(view.MASTER_ENDED)
    assert watching.watch.is_over


def test_old_incarnations_are_forgotten(watching: Watching) -> None:
    for count in range(1, 5):
        watching.master.tell("end 1 30")
        watching.until(lambda count=count: watching.kinds().count(view.READY) == count)  # type: ignore[misc]
    watching.watch.lifecycle.workers.prune(0)
    incarnations = watching.watch.lifecycle.workers.by_slot[1]
    assert [incarnation.generation for incarnation in incarnations] == [3, 4]


def test_two_watches_of_one_master_do_not_disturb_each_other(watching: Watching) -> None:
    second = Watching(watching.master)
    watching.master.tell("end 1 30")
    watching.change(view.READY)
    second.change(view.READY)
    second.watch.close()
    watching.master.tell("end 2 30")
    watching.until(lambda: watching.kinds().count(view.READY) == 2)


class TestCommand:
    def run(self, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "stacks", "watch", *words],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            **options,
        )

    def test_once_prints_a_table(self, tmp_path: Path) -> None:
        with forking_master(tmp_path) as master:
            pidfile = tmp_path / "pid"
            pidfile.write_text(f"{master.pid}\n")
            done = self.run("--pidfile", str(pidfile), "--once")
        assert done.returncode == 0, done.stderr
        assert sum(" idle " in line for line in done.stdout.splitlines()) == 3

    def test_once_and_nagios_say_that_a_worker_hangs(self, tmp_path: Path) -> None:
        with forking_master(tmp_path) as master:
            master.tell("stick 2")
            until(lambda: any(wait.startswith("futex") for pid in master.children() for _, wait in tasks(pid) or ()))
            done = self.run("--pid", str(master.pid), "--once")
            nagios = self.run("--pid", str(master.pid), "--nagios")
        assert done.returncode == 3
        assert "1 HUNG" in done.stdout
        assert nagios.returncode == 2
        assert nagios.stdout.startswith("UWSGI CRITICAL - 1 of 3 workers hung")

    def test_each_line_of_json_is_one_change(self, tmp_path: Path) -> None:
        with forking_master(tmp_path) as master:
            words = [sys.executable, "-m", "stacks", "watch", "--pid", str(master.pid), "--json"]
            with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["kind"] == view.WATCHING
                master.kill()
                kinds = [json.loads(line)["kind"] for line in process.stdout]
                assert process.wait(LIMIT_S) == 0
        assert kinds[-1] == view.MASTER_ENDED

    @pytest.mark.parametrize("words", [["--json"], []])
    def test_it_ends_when_nobody_reads_the_lines(self, words: list[str], tmp_path: Path) -> None:
        with forking_master(tmp_path) as master:
            command = [sys.executable, "-m", "stacks", "watch", "--pid", str(master.pid), *words]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
                assert process.stdout is not None
                assert "watching" in process.stdout.readline()
                process.stdout.close()  # as `head -1` does; the master tells nothing more
                assert process.wait(LIMIT_S) == 0

    @pytest.mark.parametrize(
        ("words", "code", "text"),
        [
            (["--pid", "x"], 2, "is not a pid"),
            ([], 2, "required"),
            (["--pid", "1", "--all"], 2, "not allowed"),
            (["--pid", str(2**22 + 1)], 1, "there is no process"),
            (["--pid", str(os.getpid()), "--once"], 1, "is not a uWSGI"),
            (["--pidfile", "/nonexistent"], 1, "cannot be read"),
        ],
    )
    def test_bad_input_is_answered_in_one_sentence(self, words: list[str], code: int, text: str) -> None:
        done = self.run(*words)
        assert done.returncode == code
        assert text in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_worker_is_refused_and_its_master_named(tmp_path: Path) -> None:
    with (
        forking_master(tmp_path) as master,
        pytest.raises(CannotWatch, match=f"child of the uWSGI master {master.pid}"),
    ):
        Watch.open(master.children()[0])


def test_a_process_that_proc_hides_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With hidepid=2, /proc does not show the processes of other users, and kill(2) says EPERM of them."""

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    with pytest.raises(CannotWatch, match="belongs to another user, and /proc hides it"):
        Watch.open(2**22 + 1)


def test_a_process_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with forking_master(tmp_path) as master:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        with pytest.raises(CannotWatch, match="belongs to user id"):
            Watch.open(master.pid)


@pytest.mark.parametrize("text", ["", "no", "-1", "0", "\x00"])
def test_a_pid_file_without_a_pid_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pid"
    path.write_text(text)
    with pytest.raises(CannotWatch, match="instead of a pid"):
        Fleet(Source(pidfile=path))


def test_a_master_of_a_pid_file_is_found_again_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.watch.fleet.FIND_S", 0.1)
    path = tmp_path / "pid"
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    with forking_master(tmp_path / "first") as first:
        path.write_text(str(first.pid))
        with Fleet(Source(pidfile=path)) as fleet:
            first.kill()
            until(lambda: fleet.step(0.05) is None or not fleet.watches)
            assert not fleet.is_over
            with forking_master(tmp_path / "second") as second:
                path.write_text(str(second.pid))
                until(lambda: fleet.step(0.05) is None or second.pid in fleet.watches)


def test_all_masters_of_the_host_are_found_without_their_workers(tmp_path: Path) -> None:
    with forking_master(tmp_path) as master:
        found = Source(is_all=True).pids()
        assert master.pid in found
        assert not set(master.children()) & set(found)


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_table_fits_every_terminal(
    watching: Watching, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.watch.table.WIDE", width)
    print_tables([watching.watch.view()])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert sum("idle" in line for line in lines) == 3


def test_a_sparkline_has_its_highest_bar_for_the_most() -> None:
    assert spark([0, 1, 4, 8], 4) == " ▁▄█"
    assert spark([1, 2], 1) == "█"


def test_a_name_cannot_steer_the_terminal() -> None:
    assert uwsgi_processes.printable("a\x1b[2Jb\nc") == "a?[2Jb?c"


def test_a_hang_that_cannot_be_proven_is_no_answer(watching: Watching) -> None:
    watching.watch.follower.unavailable["waits"] = "a file"
    picture = watching.watch.view()
    assert "NO HANG CAN BE PROVEN" in picture.blind[0].cost
    assert command.code_of([picture]) == 1


def test_the_options_of_the_command_name_one_source() -> None:
    from stacks.commands import watch

    parser = argparse.ArgumentParser()
    watch.add_arguments(parser)
    options = parser.parse_args(["--pid", "7", "--once"])
    assert (options.pid, options.once, options.json) == (7, True, False)
