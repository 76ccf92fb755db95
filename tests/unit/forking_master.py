"""A master that forks workers as uWSGI's does, without uWSGI: the same sockets, exit statuses, reload and hangs.

Its file is called `uwsgi`, so that it counts as one. A test writes commands to its stdin:

- `end SLOT STATUS`: the worker of a slot ends with this exit status, and the master forks a successor unless it is 15
- `stick SLOT`: the worker takes a lock that it holds: it hangs in a request
- `kill SLOT`: the worker of a slot is killed
- `broken`: workers that are forked from now on hang before they accept
- `dying STATUS`: workers that are forked from now on end at once with this exit status
- `late SECONDS`: workers that are forked from now on compute for so long before they close the sockets of others
- `slow SECONDS`: the master takes so long to start when it executes itself
- `reload`: every worker ends with 17, and the master executes itself
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from stacks.observe import proc
from tests.patience import until

SCRIPT = r"""
import os, select, signal, socket, sys, threading, time

WORKERS = int(sys.argv[1])
STUCK = 254
ROUTER = os.environ.get("DOUBLE") == "router"  # the further child listens, as a router does
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "listen.sock")
if len(sys.argv) > 2:
    listener = socket.socket(fileno=int(sys.argv[2]))
else:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
time.sleep(float(os.environ.get("START_S", "0")))
pairs = [socket.socketpair() for _ in range(WORKERS)]
of_a_mule = socket.socketpair()
of_all = socket.socketpair()
pids, broken, reloading, dying, late_s = {}, False, False, None, 0.0

def worker(slot):
    if dying is not None:
        os._exit(dying)
    end_s = time.monotonic() + late_s
    while time.monotonic() < end_s:
        pass
    for number, (first, second) in enumerate(pairs, start=1):
        first.close()
        if number != slot:
            second.close()
    of_all[0].close()
    lock = threading.Lock()
    if broken:
        lock.acquire(); lock.acquire()
    events = select.epoll()
    events.register(listener, select.EPOLLIN)
    own = pairs[slot - 1][1]
    events.register(own, select.EPOLLIN)
    held = []
    while True:
        for fd, _ in events.poll():
            if fd == listener.fileno():
                held.append(listener.accept()[0])
                continue
            command = own.recv(1)
            if not command:
                os._exit(1)
            if command[0] == STUCK:
                lock.acquire(); lock.acquire()
            os._exit(command[0])

def fork(slot):
    pid = os.fork()
    if not pid:
        worker(slot)
    pids[pid] = slot

def mule():
    master = os.getpid()
    pid = os.fork()
    if not pid:
        if not ROUTER:
            listener.close()
        for first, second in pairs:
            first.close(); second.close()
        of_all[0].close()
        while os.getppid() == master:
            time.sleep(0.2)
        os._exit(0)

ends, note_end = os.pipe()  # a byte for each child that ends, so that the master needs to wake for nothing else
os.set_blocking(note_end, False)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(note_end)
for number in range(1, WORKERS + 1):
    fork(number)
mule()
commands = select.epoll()
commands.register(0, select.EPOLLIN)
commands.register(ends, select.EPOLLIN)
while True:
    for fd, _ in commands.poll():
        if fd == ends:
            os.read(ends, 4096)
            continue
        data = os.read(0, 4096)
        if not data:
            os._exit(0)  # the test has ended
        for line in data.decode().splitlines():
            word, *numbers = line.split()
            if word == "end":
                pairs[int(numbers[0]) - 1][0].send(bytes([int(numbers[1])]))
            elif word == "stick":
                pairs[int(numbers[0]) - 1][0].send(bytes([STUCK]))
            elif word == "kill":
                os.kill(next(pid for pid, slot in pids.items() if slot == int(numbers[0])), signal.SIGKILL)
            elif word == "late":
                late_s = float(numbers[0])
            elif word == "dying":
                dying = int(numbers[0])
            elif word == "slow":
                os.environ["START_S"] = numbers[0]
            elif word == "broken":
                broken = True
            elif word == "reload":
                reloading = True
                for first, _ in pairs:
                    first.send(bytes([17]))
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not pid:
            break
        slot = pids.pop(pid, 0)
        if slot and not reloading and os.waitstatus_to_exitcode(status) != 15:
            fork(slot)
    if reloading and not pids:
        listener.set_inheritable(True)
        os.execv(sys.executable, [sys.executable, os.path.abspath(__file__), str(WORKERS), str(listener.fileno())])
"""


class Master:
    """A running master, and how to command it."""

    def __init__(self, folder: Path, workers: int, container: Sequence[str]) -> None:
        script = folder / "uwsgi"
        script.write_text(SCRIPT)
        self.socket = folder / "listen.sock"
        command = [*container, sys.executable, str(script), str(workers)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        if container:
            until(lambda: proc.children_of(self._process.pid))
            (self.pid,) = proc.children_of(self._process.pid)
        until(lambda: len(self.children()) == workers + 1)

    def children(self) -> list[int]:
        return [pid for pid in proc.children_of(self.pid) if proc.is_alive(pid)]

    def tell(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End the master alone: its workers end when their socket is closed."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        children = self.children()
        self.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        for pid in children:
            subprocess.run(["kill", "-9", str(pid)], check=False, capture_output=True)


@contextmanager
def forking_master(folder: Path, workers: int = 3, container: Sequence[str] = ()) -> Iterator[Master]:
    """Run a master. `container` is a command that runs it as its child, such as unshare(1) with --kill-child."""
    master = Master(folder, workers, container)
    try:
        yield master
    finally:
        master.close()
