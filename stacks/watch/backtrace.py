"""Takes the native backtrace of a process, without waiting for it. The process stands still meanwhile."""

from __future__ import annotations

import subprocess
import tempfile

from stacks.observe import native_stacks


def missing() -> str:
    """Return why no backtrace can be taken here, or ''."""
    is_missing = native_stacks.program() is None
    return f"There is no native backtrace, because {native_stacks.NOT_INSTALLED}." if is_missing else ""


class Backtrace:
    """One backtrace of the process `pid` that is being taken."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - `text` and `close` close it
        self._process = subprocess.Popen(
            ["timeout", f"{native_stacks.LIMIT_S:.0f}", *native_stacks.command(pid)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def is_done(self) -> bool:
        """True once it was taken."""
        return self._process.poll() is not None

    def text(self) -> str:
        """Return what was printed about the frames, the main thread first; everything if there are none."""
        self._process.wait()
        with self._output as output:
            output.seek(0)
            text = output.read().decode(errors="replace")
        return "".join(native_stacks.threads(text)) or text

    def close(self) -> None:
        """End what takes the backtrace, which lets the process go on."""
        self._process.terminate()
        self._process.wait()
        self._output.close()
