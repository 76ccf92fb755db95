"""Answers chosen system calls of a process and of everything that it starts, in the place of the kernel.

It stands for a full disk, a kernel without pidfds or netlink, or a /proc without wait channels: the kernel hands each
of the calls over (seccomp_unotify(2)), and a function says with which errno the call fails, or lets it through. So
nothing inside the process is replaced, and the calls of C++ libraries and of other processes below it are seen as well.
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# include/uapi/linux/{seccomp,filter,bpf_common,audit,prctl}.h
_SET_MODE_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 3, 1 << 5
_NOTIFY, _ALLOW = 0x7FC00000, 0x7FFF0000
_CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NO_NEW_PRIVS = 38
_LOAD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # struct seccomp_notif
_ANSWER = struct.Struct("=QqiI")  # struct seccomp_notif_resp
_FIRST_ARGUMENT = 16  # its offset in struct seccomp_data; the lower half comes first

# Name -> number on x86_64 and on aarch64 (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h).
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    **{"write": (1, 64), "pwrite64": (18, 68), "writev": (20, 66), "pwritev": (296, 70), "sendfile": (40, 71)},
    **{"copy_file_range": (326, 285), "fallocate": (285, 47), "ftruncate": (77, 46), "fsync": (74, 82)},
    **{"open": (2, None), "openat": (257, 56), "mkdir": (83, None), "mkdirat": (258, 34), "rename": (82, None)},
    **{"renameat": (264, 38), "renameat2": (316, 276), "symlink": (88, None), "symlinkat": (266, 36)},
    **{"socket": (41, 198), "pidfd_open": (434, 434)},
}
# The argument that is a path, and the one that is the directory of that path; or the argument that is a descriptor.
_PATHS = {"open": (0, None), "openat": (1, 0), "mkdir": (0, None), "mkdirat": (1, 0), "rename": (1, None)}
_PATHS |= {"renameat": (3, 2), "renameat2": (3, 2), "symlink": (1, None), "symlinkat": (2, 1)}
_DESCRIPTORS = {"sendfile": 0, "copy_file_range": 2}
_AT_FDCWD = -100
MOST_PATH = 4096
WRITES = ("write", "pwrite64", "writev", "pwritev", "sendfile", "copy_file_range", "fallocate", "fsync")
CREATIONS = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "symlink", "symlinkat")


@dataclass(frozen=True)
class Rule:
    """One system call. With `bits` or `value`, only calls whose argument has one of the bits, or is the value."""

    name: str
    argument: int = 0
    bits: int = 0
    value: int | None = None


DISK = (
    *map(Rule, (*WRITES, *CREATIONS)),
    Rule("openat", 2, bits=os.O_CREAT),
    Rule("open", 1, bits=os.O_CREAT),
)


@dataclass(frozen=True)
class Call:
    """A system call that waits for its answer."""

    name: str
    pid: int
    arguments: tuple[int, ...]

    @property
    def path(self) -> str:
        """The file of the call; '' if it cannot be known."""
        with contextlib.suppress(OSError):
            if self.name not in _PATHS:
                return self._link(f"fd/{_signed(self.arguments[_DESCRIPTORS.get(self.name, 0)])}")
            name, directory = _PATHS[self.name]
            text = self._text(self.arguments[name])
            if text.startswith("/"):
                return text
            number = _AT_FDCWD if directory is None else _signed(self.arguments[directory])
            return f"{self._link('cwd' if number == _AT_FDCWD else f'fd/{number}')}/{text}"
        return ""

    def _link(self, name: str) -> str:
        return str(Path(f"/proc/{self.pid}/{name}").readlink())

    def _text(self, address: int) -> str:
        with Path(f"/proc/{self.pid}/mem").open("rb", buffering=0) as memory:
            data = b""
            while b"\0" not in data and len(data) < MOST_PATH:
                memory.seek(address + len(data))
                data += memory.read(64 - (address + len(data)) % 64)  # never beyond the page of the text's end
        return data.partition(b"\0")[0].decode(errors="replace")


Decide = Callable[[Call], int]  # the errno of the call, or 0 to let it through


def _signed(value: int) -> int:
    return (value & 0xFFFFFFFF) - (1 << 32 if value & 0x80000000 else 0)


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _filter(rules: Sequence[Rule], column: int) -> bytes:
    program = [_instruction(_LOAD, 0)]
    for rule in rules:
        number = _NUMBERS[rule.name][column]
        if number is None:
            continue
        block = [_instruction(_RETURN, _NOTIFY)]
        if rule.bits or rule.value is not None:
            code, operand = (_JUMP_BITS, rule.bits) if rule.bits else (_JUMP_EQUAL, rule.value or 0)
            argument = _instruction(_LOAD, _FIRST_ARGUMENT + 8 * rule.argument)
            block = [argument, _instruction(code, operand, 0, 1), *block, _instruction(_RETURN, _ALLOW)]
        program += [_instruction(_JUMP_EQUAL, number, 0, len(block)), *block]
    return b"".join([*program, _instruction(_RETURN, _ALLOW)])


def _install(program: bytes) -> int:
    """Filter the calls of this process from now on. Return the descriptor of the listener. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    seccomp = 317 if platform.machine() == "x86_64" else 277
    listener = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER | _WAIT_KILLABLE, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(listener)


class _Answers:
    """The thread that answers the calls of one process and of all below it."""

    def __init__(self, listener: int, decide: Decide, names: dict[int, str]) -> None:
        self._listener, self._decide, self._names = listener, decide, names
        self._is_over = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while not self._is_over:
            for _, event in poll.poll(200):
                if event & select.POLLHUP:
                    return
                self._answer_one()

    def _answer_one(self) -> None:
        buffer = array.array("B", bytes(_NOTIFICATION.size))
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError:  # the caller was killed meanwhile
            return
        number, pid, _, call, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        code = 0
        try:
            code = self._decide(Call(self._names[call], pid, tuple(arguments)))
        except BaseException as error:
            self.error = error
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._listener, _SEND, _ANSWER.pack(number, 0, -code, 0 if code else _CONTINUE))

    def close(self) -> None:
        self._is_over = True
        self._thread.join()
        os.close(self._listener)
        if self.error is not None:
            raise self.error


@contextlib.contextmanager
def answered(rules: Sequence[Rule], decide: Decide, command: Sequence[str], **options: Any) -> Iterator[Any]:
    """Start `command` and answer its calls that `rules` name. Yields the Popen; `options` are further ones of Popen.

    The block must end the process and all that it has started: a call that nobody answers fails with ENOSYS. Raises
    OSError where the kernel or the container does not allow it.
    """
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    if column is None:
        raise OSError(errno.ENOSYS, "the numbers of the system calls are not known here")
    program = _filter(rules, column)
    names = {number: name for name, columns in _NUMBERS.items() if (number := columns[column]) is not None}
    ours, theirs = socket.socketpair()

    def prepare() -> None:
        listener = _install(program)
        socket.send_fds(theirs, [b"x"], [listener])

    with ours, theirs:
        try:
            process = subprocess.Popen(list(command), preexec_fn=prepare, **options)
        except subprocess.SubprocessError as error:
            raise OSError(errno.EPERM, "seccomp is not allowed here") from error
        _, (listener, *_), _, _ = socket.recv_fds(ours, 1, 1)
    answers = _Answers(listener, decide, names)
    try:
        yield process
    finally:
        answers.close()
