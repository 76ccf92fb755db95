"""The process of a run, as its campaign sees it: it prints lines about its phase, and waits for its turn."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.run import run_command
from stacks.run.forked_process import ForkedProcess
from stacks.run.run_servers import RunServers

ERROR_FILE = "run.err"  # stderr of the process


@dataclass
class RunProcess:
    """One run under way. `read_lines` brings its fields up to date."""

    index: int  # of the cell in its campaign
    directory: Path
    process: subprocess.Popen[bytes] | ForkedProcess
    phase: str = "starting"
    respawns: int = 0
    hung: int = 0
    port: int = 0
    judged: dict[str, Any] = field(default_factory=dict)  # the verdict so far, with its reason and evidence
    has_turn: bool = False  # its load was allowed to begin
    _partial_line: bytes = b""

    @classmethod
    def start(
        cls,
        index: int,
        directory: Path,
        environment: Mapping[str, str],
        servers: RunServers | None = None,
        *,
        inherits_stdin: bool,
    ) -> RunProcess:
        """Execute the run that is planned in `directory`. It inherits stdin if its load comes from the web UI.

        One of the `servers` forks its process, if there are any.
        """
        pipe = subprocess.PIPE
        stdin = None if inherits_stdin else pipe
        with (directory / ERROR_FILE).open("wb") as stderr:
            process = run_command.start(directory, servers, stdin=stdin, stdout=pipe, stderr=stderr, env=environment)
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        return cls(index, directory, process)

    def read_lines(self) -> None:
        """Read the lines that the run has printed since the last call. Does not wait for one."""
        if self.process.stdout is None:
            return
        try:
            data = os.read(self.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return
        *lines, self._partial_line = (self._partial_line + data).split(b"\n")
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:  # a library of the run has printed something
                continue
            if not isinstance(row, dict) or "phase" not in row:
                continue
            self.phase, self.port = row["phase"], row.get("port", 0)
            if "verdict" in row:
                self.judged = {name: row[name] for name in ("verdict", "reason", "evidence")}
            self.respawns, self.hung = row.get("respawns", self.respawns), row.get("hung", self.hung)

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def load_is_over(self) -> bool:
        """True if the run only waits for its last workers and users, so that the next run may start."""
        return self.phase in ("settling", "stopping", "done") or self.has_ended

    @property
    def has_verdict(self) -> bool:
        """True if the verdict is given, or never will be, so that the load of the next run may begin."""
        return self.phase in ("stopping", "done") or self.has_ended

    def give_turn(self) -> None:
        """Let the load begin. It is no error if the run has ended."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(b"go\n")
                self.process.stdin.flush()
                self.has_turn = True
