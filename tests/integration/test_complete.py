"""The respawns recorded are those that the kernel saw, undisturbed and at 90 a second."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe import process_events
from stacks.observe.observer import Observer
from stacks.run import stop_signals
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

LOOP_S = 1.0  # the master's own loop wakes it once in this time


def permitted() -> bool:
    try:
        process_events.subscribe().close()
    except OSError:
        return False
    return True


def hammer(port: int, over: threading.Event) -> None:
    while not over.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                while connection.recv(4096):
                    pass
        except OSError:
            time.sleep(0.01)


def wake(port: int, over: threading.Event, woken: list[float]) -> None:
    """What an exporter does, only more often: each connection wakes the master. Its time is added to `woken`."""
    while not over.is_set():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=4) as connection:
                while connection.recv(1 << 16):
                    pass
            woken.append(time.monotonic())
        except OSError:
            pass
        time.sleep(0.01)


def forks(events: socket.socket, master: int) -> list[int]:
    """Pids that `master` forked, from a subscription of the test's own."""
    found = []
    while True:
        try:
            data = events.recv(1 << 16)
        except BlockingIOError:
            return found
        found += [
            fields[3]
            for what, _, fields in process_events.decode(data)
            if what == process_events.FORK and fields[1] == master and fields[2] == fields[3]
        ]


@pytest.mark.skipif(not permitted(), reason="kernel process events need CAP_NET_ADMIN")
@pytest.mark.parametrize(("workers", "disturbed", "least"), [(32, False, 60), (8, True, 300)])
@pytest.mark.parametrize("privileged", [True, False])
def test_respawns_equal_the_kernels_count(
    tmp_path: Path,
    venv: Callable[[str], venvs.Venv],
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
    disturbed: bool,
    least: int,
    privileged: bool,
) -> None:
    """`privileged` is with the kernel collector; without it the log and the pidfds must find as many."""
    environment = venv("py312-2.0.30.post1")
    port, stats = quiet_port(), quiet_port()
    placeholders = {"PACK_PORT": str(port), "PACK_APP": str(catalogue.APPS / "hello.py")}
    placeholders |= {"PACK_WORKERS": str(workers), "PACK_MAX_REQUESTS": "3", "PACK_BINARY": str(environment.python)}
    text = catalogue.effective_ini(catalogue.STACKS / "threads.ini", placeholders)
    ini = tmp_path / "stack.ini"
    ini.write_text(text + (f"stats = 127.0.0.1:{stats}\n" if disturbed else ""))
    over = threading.Event()
    counted: list[int] = []
    woken: list[float] = []
    mine = process_events.subscribe()
    if not privileged:

        def refuse() -> socket.socket:
            raise PermissionError(1, "refused by the test")

        monkeypatch.setattr(process_events, "subscribe", refuse)
    observer = Observer(tmp_path, [str(environment.uwsgi), "--ini", str(ini)], dict(os.environ), port)
    process_events.limit_to(mine, [observer.pid])  # the forks of others would fill its buffer
    threads = [threading.Thread(target=hammer, args=(port, over)) for _ in range(12)]
    if disturbed:
        threads.append(threading.Thread(target=wake, args=(stats, over, woken)))
    try:
        lifecycle = observer.lifecycle
        assert observer.until(lambda: lifecycle.serving() == workers, LIMIT_S)
        for thread in threads:
            thread.start()

        def watched() -> bool:
            counted.extend(forks(mine, observer.pid))
            return lifecycle.respawns() >= least

        assert observer.until(watched, LIMIT_S)
        over.set()
        for thread in threads:
            thread.join()
        observer.until(lambda: lifecycle.undecided() == 0 and lifecycle.serving() == workers, LIMIT_S)
        counted.extend(forks(mine, observer.pid))
    finally:
        over.set()
        observer.emit("stop")
        stop_signals.stop(observer.pids, observer.pid, stop_signals.LADDER, observer.step)
        observer.close()
        mine.close()
    episodes = lifecycle.episodes()
    assert sorted(e.pid for e in episodes if e.pid) == sorted(counted)
    assert {e.outcome for e in episodes} == {"ready"}
    assert len({e.pid for e in episodes}) == len(counted)
    if disturbed:
        assert len(woken) > 2 * (woken[-1] - woken[0]) / LOOP_S
