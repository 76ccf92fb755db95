"""Reports every fork and exit of the master's children from the kernel's process events (netlink proc connector).

The kernel stamps the events itself, with CLOCK_MONOTONIC (drivers/connector/cn_proc.c, ktime_get_ns). Before Linux 6.6
they need CAP_NET_ADMIN. Without permission, the log and the pidfds report the same a few milliseconds later.
"""

from __future__ import annotations

import os
import socket
import struct

from stacks.lifecycle.records import Event
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

# Constants and structures of include/uapi/linux/connector.h and cn_proc.h.
NETLINK_CONNECTOR = 11
CN_IDX_PROC = 1
CN_VAL_PROC = 1
PROC_CN_MCAST_LISTEN = 1
PROC_EVENT_FORK = 0x00000001
PROC_EVENT_EXIT = 0x80000000
NLMSG_DONE = 3
_NLMSGHDR = struct.Struct("=IHHII")
_CN_MSG = struct.Struct("=IIIIHH")
_EVENT = struct.Struct("=IIQ")  # what, cpu, timestamp_ns
_FORK = struct.Struct("=4i")  # parent pid, parent tgid, child pid, child tgid
_EXIT = struct.Struct("=2iII")  # pid, tgid, exit_code, exit_signal
BUFFER = 4 << 20  # bytes: many forks elsewhere on the host must not push this master's events out


class Collector(Base):
    name = "kernel"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._socket: socket.socket | None = None
        self._children: set[int] = set()  # pids of the master's children

    def open(self) -> str:
        try:
            self._socket = subscribe()
        except OSError as error:
            return f"kernel process events are not permitted here ({error.strerror}); the log and pidfds are used"
        self.context.watch(self._socket.fileno(), self)
        return ""

    def on_event(self, event: Event) -> None:
        if event.kind in ("spawned", "respawned"):
            self._children.add(event.pid)

    def read(self, _fd: int) -> list[Event]:
        events: list[Event] = []
        while self._socket is not None:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:  # ENOBUFS: the kernel dropped events
                events.append(self.event("lost", reason=error.strerror))
                continue
            for what, t_ns, fields in decode(data):
                if what == PROC_EVENT_FORK and fields[1] == self.context.master_pid and fields[2] == fields[3]:
                    self._children.add(fields[3])
                    events.append(Event(t_ns, self.name, "forked", fields[3]))
                elif what == PROC_EVENT_EXIT and fields[1] in self._children and not proc.is_alive(fields[1]):
                    self._children.discard(fields[1])
                    status = fields[2] & 0xFFFF
                    cause = (
                        {"signal": status & 0x7F}
                        if status & 0x7F
                        else {"exit_status": os.waitstatus_to_exitcode(status)}
                    )
                    events.append(Event(t_ns, self.name, "exited", fields[1], data=dict(cause)))
        return events

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def subscribe() -> socket.socket:
    """Open a socket that receives every process event of the host. Raises OSError if this is not permitted."""
    connection = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, NETLINK_CONNECTOR)
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        connection.bind((0, CN_IDX_PROC))
        listen = struct.pack("=I", PROC_CN_MCAST_LISTEN)
        message = _CN_MSG.pack(CN_IDX_PROC, CN_VAL_PROC, 0, 0, len(listen), 0) + listen
        connection.send(_NLMSGHDR.pack(_NLMSGHDR.size + len(message), NLMSG_DONE, 0, 0, os.getpid()) + message)
    except BaseException:
        connection.close()
        raise
    return connection


def decode(data: bytes) -> list[tuple[int, int, tuple[int, ...]]]:
    """Return (what, CLOCK_MONOTONIC ns, fields) of every fork and exit event in a netlink datagram.

    `what` is PROC_EVENT_FORK or PROC_EVENT_EXIT; `fields` are those of _FORK or _EXIT. Damaged bytes are skipped.
    """
    events = []
    offset = 0
    while offset + _NLMSGHDR.size <= len(data):
        length = _NLMSGHDR.unpack_from(data, offset)[0]
        if length < _NLMSGHDR.size or offset + length > len(data):
            break
        body = offset + _NLMSGHDR.size + _CN_MSG.size
        if length >= _NLMSGHDR.size + _CN_MSG.size + _EVENT.size:
            what, _cpu, t_ns = _EVENT.unpack_from(data, body)
            shape = {PROC_EVENT_FORK: _FORK, PROC_EVENT_EXIT: _EXIT}.get(what)
            if shape is not None and body + _EVENT.size + shape.size <= len(data):
                events.append((what, t_ns, shape.unpack_from(data, body + _EVENT.size)))
        offset += (length + 3) & ~3  # NLMSG_ALIGN
    return events
