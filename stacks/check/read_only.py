"""A child that can read everything and change no file: what another's configuration is read under (landlock(7)).

Best effort: where the kernel has no Landlock (before 5.13, or switched off) the child runs as it is.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

# The same numbers on every architecture (asm-generic/unistd.h), and include/uapi/linux/landlock.h, prctl.h.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38
WRITE_FILE = 1 << 1
# REMOVE_DIR (4), REMOVE_FILE (5) and every MAKE_ (6 to 12): all of ABI 1 that changes something.
CHANGES = WRITE_FILE | sum(1 << bit for bit in range(4, 13))
_RULESET = struct.Struct("=Q")
_PATH_BENEATH = struct.Struct("=Qi")


def confined(*writable: Path) -> Callable[[], None]:
    """For subprocess's preexec_fn: nothing outside of `writable` and /dev can be made, written or removed."""
    libc = ctypes.CDLL(None, use_errno=True)

    def confine() -> None:
        attributes = _RULESET.pack(CHANGES)
        ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
        if ruleset < 0:
            return
        for path, access in [(Path("/dev"), WRITE_FILE), *((path, CHANGES) for path in writable)]:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, _PATH_BENEATH.pack(access, folder), 0)
            os.close(folder)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.syscall(RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)

    return confine
