"""A run under way, as its campaign sees it: what it says on stdout, and the word on stdin that lets its load begin."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Active:
    """A run under way."""

    index: int
    directory: Path
    process: subprocess.Popen[bytes]
    phase: str = "starting"
    respawns: int = 0
    hung: int = 0
    port: int = 0
    judged: dict[str, Any] = field(default_factory=dict)  # the verdict so far, with its reason and evidence
    gone: bool = False  # has been told to go
    _partial: bytes = b""

    def listen(self) -> None:
        """Take in what the run has said."""
        if self.process.stdout is None:
            return
        try:
            data = os.read(self.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            row = json.loads(line)
            self.phase, self.port = row["phase"], row.get("port", 0)
            if "verdict" in row:
                self.judged = {name: row[name] for name in ("verdict", "reason", "evidence")}
            self.respawns, self.hung = row.get("respawns", self.respawns), row.get("hung", self.hung)

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def load_is_over(self) -> bool:
        """Whether only stragglers are waited for, so that the next run may get ready."""
        return self.phase in ("settling", "stopping", "done") or self.ended

    @property
    def is_over(self) -> bool:
        """Whether it has its verdict, so that the next run may have the machine."""
        return self.phase in ("stopping", "done") or self.ended

    def go(self) -> None:
        """Let it begin its load."""
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.write(b"go\n")
                self.process.stdin.flush()
                self.gone = True
