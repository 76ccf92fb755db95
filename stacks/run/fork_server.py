"""Loads Python modules once, and forks a process that runs one of them for each request.

Most of the CPU time of a short run is the import of Locust and of pyarrow. A forked process has them already, and
shares their memory. Apart from that it is like a process that was started by `python -m MODULE`: it has a session,
signals, a working directory, an environment and a command line of its own.

`forked_process` starts a server and sends it requests: messages on the socket that the server inherits.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from stacks.lifecycle import pack_fault
from stacks.observe import proc
from stacks.run import process_title, supervisor

READY = b"ready"  # sent once when the modules are loaded
MOST_FDS = 16  # of a request: the socket for the answer, stdin, stdout, stderr and some more
MOST_BYTES = 1 << 20  # of a request: the kernel refuses longer ones
COMMAND = ("-m", "stacks.run.fork_server")


@dataclass
class Child:
    """A process that was forked, and the socket of its client."""

    pid: int
    answers: socket.socket
    orphan_signal: int  # what the process gets when its client has ended


class ForkServer:
    """Forks processes until nobody is left who could send a request."""

    def __init__(self, requests: socket.socket) -> None:
        # gevent may replace these functions of the modules when it is loaded. This process needs the real ones.
        self._poll, self._fork, self._wait = select.poll(), os.fork, os.waitpid
        self._requests = requests
        self._children: dict[int, Child] = {}  # pidfd -> child
        self._clients: dict[int, Child] = {}  # file descriptor of `answers` -> child
        self._poll.register(requests, select.POLLIN)

    def serve(self, modules: list[str]) -> None:
        """Import the modules, then answer requests."""
        for module in modules:
            importlib.import_module(module)
        if len(proc.thread_ids(os.getpid())) > 1:
            return  # a fork loses the other threads, and a lock that one of them holds stays locked
        inspect.stack()  # Locust calls it at its start; the first call looks up the file of every module, and keeps it
        gc.collect()
        gc.freeze()  # a collection in a child would write to the pages of these objects, and copy them
        self._requests.send(READY)
        while True:
            for fd, _ in self._poll.poll():
                if fd == self._requests.fileno():
                    if not self._take_request():
                        return
                elif fd in self._children:
                    self._reap(self._children[fd], fd)
                elif fd in self._clients:
                    self._take_signal(self._clients[fd])

    def _take_request(self) -> bool:
        """Fork a process for the next request. Return False if no client is left."""
        data, fds, _, _ = socket.recv_fds(self._requests, MOST_BYTES, MOST_FDS)
        if not data:
            return False
        request = json.loads(data)
        server = os.getpid()
        pid = self._fork()
        if pid == 0:
            self._become(server, request, fds)
        answers = socket.socket(fileno=fds[0])
        for fd in fds[1:]:
            os.close(fd)
        child, pidfd = Child(pid, answers, request["orphan_signal"]), os.pidfd_open(pid)
        self._children[pidfd] = self._clients[answers.fileno()] = child
        self._poll.register(pidfd, select.POLLIN)
        self._poll.register(answers, select.POLLIN)
        _answer(answers, pid)
        return True

    def _reap(self, child: Child, pidfd: int) -> None:
        """Tell the client how its process has ended."""
        _, status = self._wait(child.pid, 0)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        del self._children[pidfd]
        _answer(child.answers, os.waitstatus_to_exitcode(status))
        if child.answers.fileno() in self._clients:
            self._forget_client(child)
        child.answers.close()

    def _take_signal(self, child: Child) -> None:
        """Send the process the signal that its client asks for, or `orphan_signal` if the client has ended."""
        data = child.answers.recv(64)
        if not data:
            self._forget_client(child)
        # The process is a child that was not reaped, so the pid is still its own.
        os.kill(child.pid, int(data) if data else child.orphan_signal)

    def _forget_client(self, child: Child) -> None:
        self._poll.unregister(child.answers)
        del self._clients[child.answers.fileno()]

    def _become(self, server: int, request: dict[str, Any], fds: list[int]) -> NoReturn:
        """Be the requested process until its end, or do nothing if the server has ended before this process began."""
        code = 1
        try:
            supervisor.die_with_parent(signal.SIGKILL)
            os.setsid()
            self._requests.close()
            for child in self._children.values():
                child.answers.close()
            for pidfd in self._children:
                os.close(pidfd)
            _set_up(request, fds)
            if "gevent" in sys.modules:
                sys.modules["gevent"].reinit()
            if os.getppid() == server:
                runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
                code = 0
        except SystemExit as end:
            code = _exit_code(end)
        except Exception as error:
            is_own = request["module"].startswith("stacks")  # Locust's traceback tells a user more of a scenario
            print(pack_fault.report(error) if is_own else traceback.format_exc(), file=sys.stderr)
        finally:
            _end(code)


def _set_up(request: dict[str, Any], fds: list[int]) -> None:
    """Take over streams, directory, environment and arguments of the request."""
    _, *streams = fds
    os.close(fds[0])
    for number, fd in enumerate(streams[:3]):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ.update({name: str(fd) for name, fd in zip(request["fd_names"], streams[3:], strict=True)})
    for fd in streams[3:]:
        os.set_inheritable(fd, True)
    sys.path[0] = request["cwd"]
    if not request["module"].startswith("stacks"):  # a program that is not of the pack may have such a name of its own
        for name in [name for name in sys.modules if name.partition(".")[0] == "stacks"]:
            del sys.modules[name]
    sys.argv = ["", *request["arguments"]]  # run_module sets the first one
    process_title.set_command_line([sys.executable, "-m", request["module"], *request["arguments"]])


def _answer(answers: socket.socket, number: int) -> None:
    """Send a number to the client. It is no error if the client has ended."""
    try:
        answers.send(b"%d\n" % number)
    except OSError:
        pass


def _exit_code(end: SystemExit) -> int:
    """Return the exit code that Python gives to a process with this exception."""
    if end.code is None or isinstance(end.code, int):
        return (end.code or 0) & 0xFF
    print(end.code, file=sys.stderr)
    return 1


def _end(code: int) -> NoReturn:
    """End this process. Nothing of the server's own end is executed in it."""
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:
        pass
    finally:
        os._exit(code)


def main(arguments: list[str]) -> None:
    """Serve on the inherited socket that the first argument names, with the modules of the second one loaded."""
    requests, modules, _room = arguments
    supervisor.die_with_parent(signal.SIGKILL)
    names = modules.split(",")
    process_title.set_command_line([sys.executable, *COMMAND, modules])
    ForkServer(socket.socket(fileno=int(requests))).serve(names)
    os._exit(0)  # without waiting for threads of a module


if __name__ == "__main__":
    main(sys.argv[1:])
