"""Asks the kernel about sockets (sock_diag(7)): accept queues of TCP and unix sockets, and accepted connections.

One question gets only the sockets that it names. /proc/net/tcp would list every connection of the host, and
/proc/net/unix knows no lengths of queues.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Constants of include/uapi/linux/{sock_diag,inet_diag,unix_diag,netlink}.h and include/net/tcp_states.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x1 | 0x100 | 0x200  # NLM_F_REQUEST | NLM_F_DUMP
_DONE, _ERROR = 3, 2
_ESTABLISHED, _CLOSE_WAIT, _LISTEN = 1, 8, 10
_BYTECODE = 1  # INET_DIAG_REQ_BYTECODE
_PORT_AT_LEAST, _PORT_AT_MOST = 2, 3  # INET_DIAG_BC_S_GE, INET_DIAG_BC_S_LE
_SHOW_NAME, _SHOW_PEER, _SHOW_QUEUE = 0x1, 0x4, 0x10  # UDIAG_SHOW_NAME, UDIAG_SHOW_PEER, UDIAG_SHOW_RQLEN
_UNIX_NAME, _UNIX_PEER, _UNIX_QUEUE = 0, 2, 4  # UNIX_DIAG_NAME, UNIX_DIAG_PEER, UNIX_DIAG_RQLEN
_HEADER = struct.Struct("=IHHII")
_INET_REQUEST = struct.Struct("=BBBBI48s")  # family, protocol, extensions, pad, states, inet_diag_sockid
_INET_ANSWER = struct.Struct("=BBBB2s2s16s16sIIIIIIII")
_UNIX_REQUEST = struct.Struct("=BBHIII8s")  # family, protocol, pad, states, inode, what to show, cookie
_UNIX_ANSWER = struct.Struct("=BBBBI8s")
_ATTRIBUTE = struct.Struct("=HH")
LIMIT_S = 1.0  # the kernel answers in microseconds
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket."""

    inode: int
    address: str  # host:port, or the path of a unix socket
    port: int  # 0 for a unix socket
    waiting: int  # connections that no process has accepted yet
    limit: int

    @property
    def family(self) -> int:
        """AF_INET6 if the address is one in brackets. Such a socket has its IPv4 connections in the same family."""
        return socket.AF_INET6 if self.address.startswith("[") else socket.AF_INET


class SockDiag:
    """Questions about the sockets of one network namespace. Raises OSError if they are not permitted."""

    def __init__(self, pid: int) -> None:
        """Open a socket in the network namespace of the process `pid`, which may be that of a container."""
        own, other = (_namespace(name) for name in ("self", str(pid)))
        self._socket = _open() if own == other else _open_within(pid)
        self._socket.settimeout(LIMIT_S)

    def close(self) -> None:
        self._socket.close()

    def listeners(self) -> list[Listener]:
        """Return every listening TCP socket and every listening unix stream socket."""
        found = []
        for family in (socket.AF_INET, socket.AF_INET6):
            for data in self._ask(_inet_request(family, 1 << _LISTEN)):
                fields = _INET_ANSWER.unpack_from(data)
                port = int.from_bytes(fields[4], "big")
                host = socket.inet_ntop(family, fields[6][: 4 if family == socket.AF_INET else 16])
                address = f"{host}:{port}" if family == socket.AF_INET else f"[{host}]:{port}"
                waiting, limit, inode = fields[12], fields[13], fields[15]
                found.append(Listener(inode, address, port, waiting, limit))
        return found + [listener for listener in self._unix(1 << _LISTEN) if listener.address]

    def backlog(self, port: int) -> int | None:
        """Return how many connections wait in the accept queues of a TCP port; None if no process listens on it."""
        waiting = [
            _INET_ANSWER.unpack_from(data)[12]
            for family in (socket.AF_INET, socket.AF_INET6)
            for data in self._ask(_inet_request(family, 1 << _LISTEN, port))
        ]
        return sum(waiting) if waiting else None

    def connections(self, listeners: list[Listener]) -> set[int]:
        """Return the inodes of the connections that were accepted on these sockets and are open."""
        inodes = set()
        states = 1 << _ESTABLISHED | 1 << _CLOSE_WAIT
        for family, port in {(listener.family, listener.port) for listener in listeners if listener.port}:
            answers = self._ask(_inet_request(family, states, port))
            inodes |= {_INET_ANSWER.unpack_from(data)[15] for data in answers}
        paths = {listener.address for listener in listeners if not listener.port}
        if paths:
            inodes |= {other.inode for other in self._unix(1 << _ESTABLISHED) if other.address in paths}
        return inodes - {0}  # 0: no process has accepted it yet

    def peers(self) -> dict[int, int]:
        """Return inode -> inode of the other end, for every connected unix stream socket, as socketpair(2) makes."""
        answers = self._ask_unix(1 << _ESTABLISHED, _SHOW_PEER)
        return {
            inode: struct.unpack("=I", attributes[_UNIX_PEER])[0]
            for inode, kind, attributes in answers
            if kind == socket.SOCK_STREAM and _UNIX_PEER in attributes
        }

    def _ask_unix(self, states: int, show: int) -> Iterator[tuple[int, int, dict[int, bytes]]]:
        """Yield inode, type and attributes of every unix socket in these states."""
        for data in self._ask(_UNIX_REQUEST.pack(socket.AF_UNIX, 0, 0, states, 0, show, b"\xff" * 8)):
            _, kind, _, _, inode, _ = _UNIX_ANSWER.unpack_from(data)
            yield inode, kind, dict(_attributes(data[_UNIX_ANSWER.size :]))

    def _unix(self, states: int) -> Iterator[Listener]:
        for inode, _, attributes in self._ask_unix(states, _SHOW_NAME | _SHOW_QUEUE):
            name = attributes.get(_UNIX_NAME, b"")
            path = f"@{name[1:].decode(errors='replace')}" if name[:1] == b"\0" else name.decode(errors="replace")
            waiting, limit = struct.unpack_from("=II", attributes.get(_UNIX_QUEUE, b"\0" * 8))
            yield Listener(inode, path.rstrip("\0"), 0, waiting, limit)

    def _ask(self, body: bytes) -> Iterator[bytes]:
        """Send a question and yield the body of each answer. Raises OSError."""
        size = _HEADER.size + len(body)
        self._socket.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + body)
        while True:
            data = self._socket.recv(1 << 18)
            offset = 0
            while offset + _HEADER.size <= len(data):
                length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
                if kind == _DONE or length < _HEADER.size:
                    return
                answer = data[offset + _HEADER.size : offset + length]
                if kind == _ERROR:
                    code = -struct.unpack_from("=i", answer)[0]
                    raise OSError(code, os.strerror(code))
                yield answer
                offset += (length + 3) & ~3


def _inet_request(family: int, states: int, port: int = 0) -> bytes:
    body = _INET_REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, states, b"")
    if not port:
        return body
    # Two comparisons of 8 bytes each. 4 bytes beyond the end mean no, the end itself means yes (inet_diag_bc_run).
    code = struct.pack("=BBHBBH", _PORT_AT_LEAST, 8, 20, 0, 0, port)
    code += struct.pack("=BBHBBH", _PORT_AT_MOST, 8, 12, 0, 0, port)
    return body + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(code), _BYTECODE) + code


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3


def _namespace(name: str) -> tuple[int, int] | None:
    try:
        status = Path(f"/proc/{name}/ns/net").stat()
    except OSError:  # the process belongs to somebody else; take it for one of this namespace
        return None if name == "self" else _namespace("self")
    return status.st_dev, status.st_ino


def _open() -> socket.socket:
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)


def _open_within(pid: int) -> socket.socket:
    """Open the socket in the network namespace of `pid`, and come back. This needs CAP_SYS_ADMIN."""
    import ctypes  # only here, because it costs a megabyte

    enter = ctypes.CDLL(None, use_errno=True).setns
    own, other = (os.open(f"/proc/{name}/ns/net", os.O_RDONLY | os.O_CLOEXEC) for name in ("self", str(pid)))
    try:
        if enter(other, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        try:
            return _open()
        finally:
            enter(own, CLONE_NEWNET)
    finally:
        os.close(own)
        os.close(other)
