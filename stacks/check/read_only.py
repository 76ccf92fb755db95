"""Runs a command in a child process that may read every file and write none (landlock(7)).

`check` reads a user's configuration this way, because a configuration can execute commands. It is best effort: if
the kernel has no Landlock (before 5.13, or switched off), the child runs without this limit.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

# The numbers of the system calls are the same on every architecture (asm-generic/unistd.h). The other constants are
# from include/uapi/linux/landlock.h and prctl.h.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
RULE_PATH_BENEATH = 1
PR_SET_NO_NEW_PRIVS = 38
WRITE_FILE = 1 << 1
# All rights of Landlock's ABI 1 that change something: WRITE_FILE, REMOVE_DIR (4), REMOVE_FILE (5) and every MAKE_
# (6 to 12).
CHANGES = WRITE_FILE | sum(1 << bit for bit in range(4, 13))
_RULESET = struct.Struct("=Q")
_PATH_BENEATH = struct.Struct("=Qi")


def read_only_except(*writable: Path, files: Sequence[Path] = ()) -> Callable[[], None]:
    """Return a `preexec_fn` for subprocess: the child can change files only below `writable`, and write to /dev.

    It may open each of `files` for writing as well.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def restrict() -> None:
        attributes = _RULESET.pack(CHANGES)
        ruleset = libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
        if ruleset < 0:
            return
        rights = [(path, WRITE_FILE) for path in (Path("/dev"), *files)] + [(path, CHANGES) for path in writable]
        for path, access in rights:
            folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
            libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, _PATH_BENEATH.pack(access, folder), 0)
            os.close(folder)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.syscall(RESTRICT_SELF, ruleset, 0)
        os.close(ruleset)

    return restrict
