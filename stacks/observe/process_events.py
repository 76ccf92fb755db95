"""Reads the kernel's process events (netlink proc connector): forks, executions and ends, with CLOCK_MONOTONIC stamps.

The kernel stamps the events itself (drivers/connector/cn_proc.c, ktime_get_ns). Before Linux 6.6 they need
CAP_NET_ADMIN, and no version sends them into the pid namespace of a container.
A filter in the kernel keeps the events of other processes away, so that a busy host wakes the reader no more often.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from array import array
from collections.abc import Collection, Iterator

# Constants and structures of include/uapi/linux/connector.h and cn_proc.h.
NETLINK_CONNECTOR = 11
CN_IDX_PROC = 1
CN_VAL_PROC = 1
LISTEN, IGNORE = 1, 2  # PROC_CN_MCAST_LISTEN, PROC_CN_MCAST_IGNORE
NONE = 0x00000000  # the kernel's answer to LISTEN
FORK = 0x00000001
EXEC = 0x00000002
EXIT = 0x80000000
NLMSG_DONE = 3
_NLMSGHDR = struct.Struct("=IHHII")
_CN_MSG = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")  # what, cpu, timestamp_ns
_FIELDS = {
    FORK: struct.Struct("=4i"),  # parent pid, parent tgid, child pid, child tgid
    EXEC: struct.Struct("=2i"),  # pid, tgid
    EXIT: struct.Struct("=2iII"),  # pid, tgid, exit_code, exit_signal
}
BUFFER = 4 << 20  # bytes: many forks elsewhere on the host must not push this master's events out
ANSWER_S = 0.3  # the kernel answers at once; without an answer this is a container's namespace

# Offsets of the fields in a datagram, for the filter.
_WHAT = _NLMSGHDR.size + _CN_MSG.size
_DATA = _WHAT + _EVENT.size
_PARENT_TGID, _CHILD_PID, _CHILD_TGID = _DATA + 4, _DATA + 8, _DATA + 12  # of FORK
_PID, _TGID, _EXIT_PARENT_TGID = _DATA, _DATA + 4, _DATA + 20  # of EXEC and EXIT; the last one since Linux 4.19
SO_ATTACH_FILTER = 26  # include/uapi/asm-generic/socket.h
# Codes of classic BPF (include/uapi/linux/bpf_common.h).
_LD, _JUMP, _JEQ, _JEQ_X, _TAX, _RET = 0x20, 0x05, 0x15, 0x1D, 0x07, 0x06

ProcessEvent = tuple[int, int, tuple[int, ...]]  # what, CLOCK_MONOTONIC ns, the fields of _FIELDS


def subscribe() -> socket.socket:
    """Open a socket that receives every process event of the host. Raises OSError if this is not permitted."""
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        connection.bind((0, CN_IDX_PROC))
        connection.send(_request(LISTEN))
    except BaseException:
        connection.close()
        raise
    return connection


def subscribe_to(masters: Collection[int]) -> socket.socket:
    """Open a socket for the forks, executions and ends of some masters and of their children.

    Raises OSError if this is not permitted, or if the kernel does not answer because this is a container.
    """
    connection = subscribe()
    try:
        if not _is_answered(connection):
            raise OSError(errno.EPERM, "the kernel sends process events only outside of containers")
        limit_to(connection, masters)
    except BaseException:
        close(connection)
        raise
    return connection


def limit_to(connection: socket.socket, masters: Collection[int]) -> None:
    """Let only the events of these masters and their children through from now on. Threads are left out."""
    program = array("B", _filter(masters))
    option = struct.pack("HP", len(program) // 8, program.buffer_info()[0])  # struct sock_fprog
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, option)


def close(connection: socket.socket) -> None:
    """Tell the kernel that this listener leaves, and close its socket."""
    try:
        connection.send(_request(IGNORE))
    except OSError:
        pass
    connection.close()


def _request(operation: int) -> bytes:
    word = struct.pack("=I", operation)
    message = _CN_MSG.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(word), 0) + word
    return _NLMSGHDR.pack(_NLMSGHDR.size + len(message), NLMSG_DONE, 0, 0, os.getpid()) + message


def _is_answered(connection: socket.socket) -> bool:
    """Wait for the answer to LISTEN, among the events of a host that may be busy."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    for _ in range(10_000):
        if not poll.poll(ANSWER_S * 1000):
            return False
        try:
            data = connection.recv(1 << 16)
        except OSError:
            continue
        if len(data) >= _DATA and _EVENT.unpack_from(data, _WHAT)[0] == NONE:
            return True
    return False


def _filter(masters: Collection[int]) -> bytes:
    """Return a classic BPF program that accepts the events of `masters` and of their children."""

    def load(offset: int) -> tuple[int, int, int, int]:
        return (_LD, 0, 0, offset)  # it reads big-endian

    accept, reject = (_RET, 0, 0, 0xFFFF), (_RET, 0, 0, 0)

    def one_of(offset: int) -> list[tuple[int, int, int, int]]:
        """Accept if the word is one of the masters, otherwise reject."""
        checks = [(_JEQ, 0, 1, socket.htonl(pid)) for pid in masters]
        return [load(offset), *(step for check in checks for step in (check, accept)), reject]

    def same(first: int, second: int) -> list[tuple[int, int, int, int]]:
        """Go on if both words are equal: the event is about a process, not about one of its threads."""
        return [load(first), (_TAX, 0, 0, 0), load(second), (_JEQ_X, 1, 0, 0), reject]

    blocks = {
        FORK: same(_CHILD_PID, _CHILD_TGID) + one_of(_PARENT_TGID),
        EXEC: one_of(_TGID),
        EXIT: same(_PID, _TGID) + one_of(_EXIT_PARENT_TGID),
    }
    program = [load(_WHAT)]
    for what, block in blocks.items():
        # A conditional jump is at most 255 instructions long, so another one skips the block.
        program += [(_JEQ, 1, 0, socket.htonl(what)), (_JUMP, 0, 0, len(block)), *block]
    program.append(reject)
    return b"".join(struct.pack("=HBBI", *step) for step in program)


def receive(connection: socket.socket) -> Iterator[ProcessEvent | OSError]:
    """Yield the events that wait in the socket; the error where the kernel dropped some (ENOBUFS)."""
    while True:
        try:
            data = connection.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError as error:
            yield error
            continue
        yield from decode(data)


def decode(data: bytes) -> list[ProcessEvent]:
    """Return (what, CLOCK_MONOTONIC ns, fields) of every event of FORK, EXEC and EXIT in a netlink datagram.

    Damaged bytes are skipped.
    """
    events = []
    offset = 0
    while offset + _NLMSGHDR.size <= len(data):
        length = _NLMSGHDR.unpack_from(data, offset)[0]
        if length < _NLMSGHDR.size or offset + length > len(data):
            break
        start = offset + _WHAT
        if start + _EVENT.size <= offset + length:
            what, _, t_ns = _EVENT.unpack_from(data, start)
            fields = _FIELDS.get(what)
            if fields is not None and start + _EVENT.size + fields.size <= offset + length:
                events.append((what, t_ns, fields.unpack_from(data, start + _EVENT.size)))
        offset += (length + 3) & ~3
    return events
