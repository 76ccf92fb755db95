"""Compares the room that a run needs on the disk with what there is, and says why a file cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from stacks.lifecycle.records import RESULTS, RecordError

MIB = 1 << 20
# A run writes its rows as text and then once more as Parquet. In an hour of load the text was 60 MB of events and up to
# 1 MB of requests a second; a short run needs 1 MB.
FEWEST_BYTES, BYTES_A_SECOND = 16 * MIB, MIB
LONGEST_S = 600.0  # the web UI plans a day, and its user stops it much earlier
FULL = (errno.ENOSPC, errno.EDQUOT)


def needed_bytes(duration_s: float) -> int:
    """Return the room that a run with a load of so many seconds may need."""
    return FEWEST_BYTES + int(BYTES_A_SECOND * min(duration_s, LONGEST_S))


def require_room(directory: Path, duration_s: float) -> None:
    """Raise RecordError if the disk of `directory` has less room than a run may need."""
    needed = needed_bytes(duration_s)
    state = os.statvfs(directory)
    free = state.f_bavail * state.f_frsize
    if free < needed:
        raise RecordError(
            f"{directory}: a run with {duration_s:g} s of load may need {mib(needed)}, and the disk has "
            f"{mib(free)} free. Free some room, or name a larger disk with PACK_RESULTS=DIR."
        )


def cannot_write(
    error: OSError,
    path: Path,
    kept: str = "",
    duration_s: float = 0.0,
    otherwise: str = "or name another disk with PACK_RESULTS=DIR",
) -> str:
    """Return what is wrong with a file that cannot be written, what of it is kept, and what to do.

    `otherwise` is what the user can do instead of making room.
    """
    what = f"{path}: cannot be written ({error.strerror or error}){f'; {kept}' if kept else ''}"
    needs = f"Free {mib(needed_bytes(duration_s))}" if error.errno in FULL else "Make it writable"
    return f"{what}. {', '.join(filter(None, (needs, otherwise, 'and repeat')))}."


def describe(error: Exception) -> str:
    """Return the text of an error. Where a file cannot be written, it says what to do."""
    name = error.filename if isinstance(error, OSError) else None
    if isinstance(error, OSError) and isinstance(name, str):
        if Path(name).is_relative_to(RESULTS):
            return cannot_write(error, Path(name))
        if error.errno in (*FULL, errno.EROFS, errno.EFBIG):
            return cannot_write(error, Path(name), otherwise="or name another file")
    return str(error)


def is_about_writing(error: OSError) -> bool:
    """Return True if the error says that a disk is full, broken, or may not be written."""
    return error.errno in (*FULL, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG)


def mib(size: int) -> str:
    """Return a number of bytes in MiB, for people."""
    return f"{size / MIB:.0f} MiB" if size >= MIB else f"{size / 1024:.0f} KiB"
