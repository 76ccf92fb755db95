"""The first process of a container with Locust: it ends when Locust and its companions have ended.

`python -m stacks.hosts.container ARGUMENTS` runs `locust ARGUMENTS` with the recorder beside the locustfile. A
container ends with its first process, and takes every other process with it: without this, the rows of the last second
would be lost with the agent that ships them, and the run would not be closed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

from stacks.catalogue import SCENARIOS
from stacks.observe import proc
from stacks.run import supervisor

COMPANIONS_LIMIT_S = 240.0  # more than the coordinator's own limits
POLL_S = 0.1
RECORDER = SCENARIOS / "recording" / "_recorder.py"


def with_recorder(arguments: list[str]) -> list[str]:
    """Return the arguments of Locust with the recorder beside the first `-f FILES`, or beside locustfile.py."""
    for index, word in enumerate(arguments):
        if word in ("-f", "--locustfile") and index + 1 < len(arguments):
            return [*arguments[: index + 1], f"{arguments[index + 1]},{RECORDER}", *arguments[index + 2 :]]
    return ["-f", f"locustfile.py,{RECORDER}", *arguments]


def main(arguments: list[str]) -> int:
    """Run Locust, wait for its companions, and return its exit code."""
    supervisor.become_subreaper()
    locust = subprocess.Popen([sys.executable, "-m", "locust", *with_recorder(arguments)])

    def forward(number: int, _frame: FrameType | None) -> None:
        supervisor.kill(locust.pid, number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    code = locust.wait()
    end_s = time.monotonic() + COMPANIONS_LIMIT_S
    while proc.descendants(os.getpid()) and time.monotonic() < end_s:
        supervisor.reap()
        time.sleep(POLL_S)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
