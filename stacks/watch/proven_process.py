"""Holds a process that is proven to hang by a pidfd, so that a signal can never reach another process of its number."""

from __future__ import annotations

import os
import signal
from pathlib import Path

PARENT, START = 1, 19  # fields of /proc/PID/stat after the name of the process, from 0 (proc(5))
# A process whose number was used again is younger than the hang. Start times are clock ticks (10 ms) and the view's own
# ages are as exact as its looks.
AGE_ERROR_S = 1.0


class ProvenProcess:
    """One worker, held from the moment of the proof. Raises OSError (gone, no permission) and ValueError (another)."""

    def __init__(self, pid: int, master_pid: int, hung_s: float) -> None:
        self.pid = pid
        self._fd = os.pidfd_open(pid)
        try:
            parent, age_s = _parent_and_age(pid)  # after pidfd_open: both mean the process that the pidfd holds
            if parent != master_pid:
                raise ValueError(f"process {pid} is no child of the master {master_pid}")
            if age_s + AGE_ERROR_S < hung_s:
                raise ValueError(f"process {pid} is younger than the hang")
        except BaseException:
            os.close(self._fd)
            raise

    def kill(self) -> bool:
        """Send SIGKILL. Return False if the process has ended already. Raises PermissionError."""
        try:
            signal.pidfd_send_signal(self._fd, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def close(self) -> None:
        """Let go of the process."""
        os.close(self._fd)


def _parent_and_age(pid: int) -> tuple[int, float]:
    """Return the parent's pid and the age in seconds. Raises OSError."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(") ")[2].split()
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    return int(fields[PARENT]), uptime_s - int(fields[START]) / os.sysconf("SC_CLK_TCK")
