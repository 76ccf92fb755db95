"""Tells how a child of another process ended: from the kernel's events, from its zombie, or from its pidfd."""

from __future__ import annotations

import fcntl
import os
import struct

from stacks.observe import proc

# Exit statuses of workers that were not forced to end: cheaped, reloaded, or at their max-requests (uwsgi.h).
CHEAPED, RELOADED, GOODBYE = 15, 17, 30
ENDED_WELL = (0, CHEAPED, RELOADED, GOODBYE)
# ioctl PIDFD_GET_INFO (include/uapi/linux/pidfd.h): since Linux 6.15 it tells the exit status after the reaping, too.
_GET_INFO = 0xC0000000 | 64 << 16 | 0xFF << 8 | 11
_INFO = struct.Struct("=QQ11I i")  # mask, cgroup id, pid, tgid, ppid, four uids, four gids, exit status
_HAS_EXIT = 1 << 3  # PIDFD_INFO_EXIT


def status_of(pid: int, pidfd: int) -> int | None:
    """Return the wait status of a process that has ended; None if nobody may know it any more."""
    status = proc.exit_status(pid)
    if status is not None or pidfd < 0:
        return status
    buffer = bytearray(64)
    struct.pack_into("=Q", buffer, 0, _HAS_EXIT)
    try:
        fcntl.ioctl(pidfd, _GET_INFO, buffer)
    except OSError:
        return None
    fields = _INFO.unpack_from(buffer)
    return int(fields[-1]) if fields[0] & _HAS_EXIT else None


def row_data(status: int | None) -> dict[str, int]:
    """Return a wait status under the names that the row `exited` has; empty if it is not known."""
    if status is None:
        return {}
    return {"signal": status & 0x7F} if status & 0x7F else {"exit_status": os.waitstatus_to_exitcode(status & 0xFFFF)}


def has_served(status: int | None) -> bool:
    """Return True if a worker that ended with this status was ready before."""
    return status is not None and row_data(status).get("exit_status") in ENDED_WELL
