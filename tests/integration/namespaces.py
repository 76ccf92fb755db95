"""Hosts for tests, made of namespaces: each has a network, a name and a monotonic clock of its own.

They are connected by a switch in a namespace of its own, so nothing of the machine's network changes. A kernel without
time namespaces, such as user-mode Linux, gives all of them one clock, and none of them can know it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue import ROOT
from stacks.observe import proc
from stacks.run import supervisor
from tests.patience import LIMIT_S

NET = "10.231.7"
HAVE_CLOCKS = Path("/proc/self/ns/time").exists()


def sh(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, timeout=LIMIT_S)


class Host:
    """One host. `ahead_s` is how much longer than this machine it has been up, as its own clock says."""

    def __init__(self, prefix: str, name: str, number: int, ahead_s: int) -> None:
        self.name, self.space, self.address = name, f"{prefix}{name}", f"{NET}.{number}"
        self.ahead_s = ahead_s if HAVE_CLOCKS else 0
        self.cable = f"{prefix}{name}x"  # the end of its cable at the switch
        self._switch = f"{prefix}sw"
        self.processes: list[subprocess.Popen[bytes]] = []
        self._line: subprocess.Popen[bytes] | None = None
        sh("ip", "netns", "add", self.space)
        sh("ip", "-n", self.space, "link", "set", "lo", "up")
        sh("ip", "link", "add", "eth0", "netns", self.space, "type", "veth", "peer", self.cable, "netns", self._switch)
        sh("ip", "-n", self._switch, "link", "set", self.cable, "master", "br0", "up")
        sh("ip", "-n", self.space, "address", "add", f"{self.address}/24", "dev", "eth0")
        sh("ip", "-n", self.space, "link", "set", "eth0", "up")

    def impair(self, delay_ms: float, loss_percent: float) -> None:
        """Delay and lose packets that this host sends: by netem, or by a process where the kernel has no netem."""
        netem = ("netem", "delay", f"{delay_ms}ms", "loss", f"{loss_percent}%")
        try:
            sh("tc", "-n", self.space, "qdisc", "add", "dev", "eth0", "root", *netem)
        except (subprocess.CalledProcessError, FileNotFoundError):
            self._delay(delay_ms, loss_percent)

    def _delay(self, delay_ms: float, loss_percent: float) -> None:
        """Cut the cable at the switch, and let a process forward between its two ends."""
        ends = f"{self.cable}1", f"{self.cable}2"
        sh("ip", "-n", self._switch, "link", "add", ends[0], "type", "veth", "peer", ends[1])
        sh("ip", "-n", self._switch, "link", "set", self.cable, "nomaster")
        for end, more in (ends[0], ("master", "br0")), (ends[1], ()):
            sh("ip", "-n", self._switch, "link", "set", end, *more, "up")
        words = ("tests.integration.delay_line", self.cable, ends[1], str(delay_ms), str(loss_percent))
        self._line = subprocess.Popen(
            ["ip", "netns", "exec", self._switch, sys.executable, "-m", *words], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert self._line.stdout is not None
        assert self._line.stdout.readline()

    def command(self, module: str, *arguments: object) -> list[str]:
        """Return the command that runs `python -m MODULE` there."""
        command = ["ip", "netns", "exec", self.space, "unshare", "--uts"]
        if HAVE_CLOCKS:
            command += ["--time", "--monotonic", str(self.ahead_s), "--boottime", str(self.ahead_s)]
        command += ["sh", "-c", f'hostname {self.name} && exec "$@"', "sh", sys.executable, "-m", module]
        return [*command, *map(str, arguments)]

    def start(self, log: Path, module: str, *arguments: object, **environment: str) -> subprocess.Popen[bytes]:
        """Start `python -m MODULE` there. Its output goes to `log`."""
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(module, *arguments),
                cwd=ROOT,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.processes.append(process)
        return process

    def run(self, *command: str) -> str:
        """Run a command there, and return its output."""
        words = ["ip", "netns", "exec", self.space, *command]
        return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True, timeout=LIMIT_S).stdout

    def unplug(self) -> None:
        sh("ip", "-n", self._switch, "link", "set", self.cable, "down")

    def plug_in(self) -> None:
        sh("ip", "-n", self._switch, "link", "set", self.cable, "up")

    def pids(self) -> list[int]:
        """Return the processes of this host."""
        listed = subprocess.run(["ip", "netns", "pids", self.space], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]

    def kill(self) -> None:
        """End every process of this host at once, as a loss of power does."""
        for pid in self.pids():
            supervisor.kill(pid)

    def clear(self) -> None:
        """End whatever is left of this host, orphans too."""
        end_s = time.monotonic() + LIMIT_S
        while self.pids() and time.monotonic() < end_s:
            self.kill()
            time.sleep(0.05)
        if self._line is not None:
            with self._line:  # waits, and closes its pipe
                self._line.kill()


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    """Make hosts that reach each other. Skips where this process may not."""
    if os.geteuid() != 0:
        pytest.skip("namespaces need root")
    if missing := [tool for tool in ("ip", "unshare") if not shutil.which(tool)]:
        pytest.skip(f"{', '.join(missing)} is missing")
    prefix = f"pk{os.getpid() % 100_000}"
    made: list[Host] = []
    try:
        try:
            sh("unshare", "--uts", *(("--time", "--monotonic", "5") if HAVE_CLOCKS else ()), "true")
            sh("ip", "netns", "add", f"{prefix}sw")
            sh("ip", "-n", f"{prefix}sw", "link", "add", "br0", "type", "bridge")
            sh("ip", "-n", f"{prefix}sw", "link", "set", "br0", "up")
            for number, name in enumerate(names, start=1):
                made.append(Host(prefix, name, number, ahead_s=number * 5000))
        except subprocess.CalledProcessError as error:
            pytest.skip(f"namespaces cannot be made here: {error.stderr.strip()}")
        yield made
    finally:
        for host in made:
            host.clear()
            for process in host.processes:
                process.wait()
        for name in [host.space for host in made] + [f"{prefix}sw"]:
            with suppress(subprocess.CalledProcessError):
                sh("ip", "netns", "delete", name)


def command_pids(host: Host, *words: str) -> list[int]:
    """Return the Python processes of a host whose command line has all these words."""
    found: list[Any] = [(pid, proc.command_line(pid)) for pid in host.pids()]
    return [pid for pid, command in found if command[:1] == [sys.executable] and set(words) <= set(command)]
