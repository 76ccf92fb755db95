"""Takes the native backtrace of a process with gdb, without waiting for it. gdb stops the process for half a second."""

from __future__ import annotations

import shutil
import subprocess
import tempfile

from stacks.observe import proc
from stacks.observe.gdb import GDB, LIMIT_S


def missing() -> str:
    """Return why no backtrace can be taken here, or ''."""
    return "" if shutil.which(GDB[0]) else "gdb is not installed, so there is no native backtrace."


class Backtrace:
    """One gdb at work on the process `pid`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - `text` and `close` close it
        self._process = subprocess.Popen(
            ["timeout", f"{LIMIT_S:.0f}", *GDB, "-p", str(proc.living_thread(pid))],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def is_done(self) -> bool:
        """True once gdb has ended."""
        return self._process.poll() is not None

    def text(self) -> str:
        """Return what gdb printed about the frames, the main thread first; everything if there are none."""
        self._process.wait()
        with self._output as output:
            output.seek(0)
            text = output.read().decode(errors="replace")
        threads = text.split("\nThread ")[1:]  # gdb prints the main thread last
        return "\n".join(f"Thread {thread}" for thread in reversed(threads)) or text

    def close(self) -> None:
        """End gdb, which lets the process go on."""
        self._process.terminate()
        self._process.wait()
        self._output.close()
