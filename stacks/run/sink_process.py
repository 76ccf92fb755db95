"""The process of the sink of one run. It ends with its standard input, so it also ends if this process is killed."""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys

from stacks.catalogue import ROOT
from stacks.run.errors import CannotMeasure

START_LIMIT_S = 30.0  # a Python starts in 0.1 s; the rest is for a machine with much other work
END_LIMIT_S = 30.0


class SinkProcess:
    """One sink. `start` comes first, then `end` or `close`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    @classmethod
    def start(cls) -> SinkProcess:
        """Start a sink on a free port. Raises CannotMeasure if it does not listen within START_LIMIT_S."""
        process = subprocess.Popen(
            [sys.executable, "-m", "stacks.run.sink"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C reaches only the run, which ends its processes in order
        )
        line = b""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if selector.select(START_LIMIT_S):
                line = process.stdout.readline()
        if not line:
            process.kill()
            process.communicate()
            raise CannotMeasure("the local server that counts the items of the app did not start")
        return cls(process, json.loads(line)["port"])

    def end(self) -> dict[str, int] | None:
        """End the sink, and return how many items each process delivered; None if it does not say."""
        try:
            out, _ = self._process.communicate(timeout=END_LIMIT_S)
            return dict(json.loads(out.splitlines()[-1])["items"])
        except (subprocess.TimeoutExpired, ValueError, IndexError):
            self.close()
            return None

    def close(self) -> None:
        """Kill the sink if it still runs."""
        self._process.kill()
        with contextlib.suppress(ValueError):  # its pipes are closed already
            self._process.communicate()
