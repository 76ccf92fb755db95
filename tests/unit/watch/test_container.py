"""A master in a container, watched from the host: pid, network and mount namespaces of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from forking_master import Master, forking_master

from stacks.watch import view
from stacks.watch.fleet import Fleet, Source
from stacks.watch.table import print_tables
from stacks.watch.target import CannotWatch, check
from stacks.watch.view import InstanceView
from stacks.watch.watch import Watch
from tests.patience import until

CONTAINER = ("unshare", "--pid", "--net", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[Master]:
    try:
        done = subprocess.run([*CONTAINER, "true"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is not installed")
    if done.returncode:
        pytest.skip(f"namespaces cannot be made here: {done.stderr.strip()}")
    with forking_master(tmp_path, container=CONTAINER) as master:
        yield master


def settled(watch: Watch) -> InstanceView:
    until(lambda: watch.step(0.05) is not None and watch.is_settled and len(watch.view().workers) == 3)
    return watch.view()


def test_the_watch_says_which_pid_is_which(contained: Master, capsys: pytest.CaptureFixture[str]) -> None:
    with Watch.open(contained.pid) as watch:
        picture = settled(watch)
        assert (picture.master_pid, picture.master_inner_pid) == (contained.pid, 1)
        assert [worker.pid for worker in picture.workers] == contained.children()[:3]
        assert [worker.inner_pid for worker in picture.workers] == [2, 3, 4]
        assert picture.queues is not None  # of the network of the container
        assert [queue.address for queue in picture.queues] == [str(contained.socket)]
    print_tables([picture])
    text = capsys.readouterr().out
    assert f"master {contained.pid} (1 inside its container)" in text
    assert f"{picture.workers[0].pid} (2 inside)" in text


def test_respawns_and_hangs_in_a_container_are_seen(contained: Master) -> None:
    with Watch.open(contained.pid) as watch:
        former = settled(watch).workers[1]
        contained.tell("end 2 30")
        until(lambda: watch.step(0.05) is not None and watch.view().respawns.get(view.RECYCLED))
        successor = settled(watch).workers[1]
        assert successor.pid != former.pid
        assert successor.inner_pid not in (None, former.inner_pid)
        contained.tell("stick 3")
        until(lambda: watch.step(0.05) is not None and watch.view().hung)
        assert watch.view().workers[2].reason
        os.kill(contained.pid, signal.SIGKILL)  # the kernel ends what is in its namespace
        until(lambda: watch.step(0.05) is not None and watch.is_over)


def test_the_pid_inside_is_answered_with_the_one_here(contained: Master) -> None:
    child = contained.children()[0]
    # Other tests may have a container at this moment.
    with pytest.raises(CannotWatch, match=rf"uWSGI has this pid, and from here it is .*\b{contained.pid}\b"):
        check(1)
    with pytest.raises(CannotWatch, match=f"child of the uWSGI master {contained.pid}"):
        check(child)
    with Fleet(Source(is_all=True)) as fleet:
        assert contained.pid in fleet.watches
