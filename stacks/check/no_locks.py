"""Lets a child process believe that it got every file lock, and takes none (seccomp(2)).

`check` reads a user's configuration this way. With `flock` uWSGI locks a file while it reads its configuration, and
gives up if another process has the lock, such as the user's own instance.
"""

from __future__ import annotations

import ctypes
import platform
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2  # include/uapi/linux/prctl.h, seccomp.h
# The audit number of an architecture (include/uapi/linux/audit.h), and its numbers of fcntl(2) and flock(2).
ARCHITECTURES = {"x86_64": (0xC000003E, 72, 73), "aarch64": (0xC00000B7, 25, 32)}
LOCK_COMMANDS = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW (asm-generic/fcntl.h)
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
ALLOW, SUCCEED = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with the number 0, which is success
NUMBER_AT, ARCHITECTURE_AT, SECOND_ARGUMENT_AT = 0, 4, 24  # offsets in struct seccomp_data


def is_supported() -> bool:
    """Return True if `pretend_locks` knows the system calls of this machine."""
    return platform.machine() in ARCHITECTURES


def pretend_locks() -> None:
    """Let every file lock of this process and its children succeed without effect. Do nothing where it cannot."""
    if not is_supported():
        return
    program = _program(*ARCHITECTURES[platform.machine()])
    buffer = ctypes.create_string_buffer(b"".join(program), len(program) * 8)
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_SECCOMP, MODE_FILTER, header, 0, 0)


def _program(architecture: int, fcntl: int, flock: int) -> list[bytes]:
    """Return the filter, one instruction an element: fcntl with a lock command, and flock, succeed at once."""
    first = 6  # the index of the first comparison with a lock command
    allow = first + len(LOCK_COMMANDS)
    succeed = allow + 1
    # (code, jump if true, jump if false, value); a jump counts from the next instruction.
    rows = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (JUMP_IF_EQUAL, 0, allow - 2, architecture),
        (LOAD, 0, 0, NUMBER_AT),
        (JUMP_IF_EQUAL, succeed - 4, 0, flock),
        (JUMP_IF_EQUAL, 0, allow - 5, fcntl),
        (LOAD, 0, 0, SECOND_ARGUMENT_AT),
        *((JUMP_IF_EQUAL, succeed - index - 1, 0, command) for index, command in enumerate(LOCK_COMMANDS, first)),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, SUCCEED),
    ]
    return [struct.pack("=HBBI", *row) for row in rows]
