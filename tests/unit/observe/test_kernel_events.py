"""The collector `kernel`: process events of the kernel become rows, if they are about the master's children."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

import pytest
from contexts import context
from hypothesis import given
from hypothesis import strategies as st
from rows import row

from stacks.lifecycle.records import Event
from stacks.observe import process_events
from stacks.observe.collectors import kernel


def datagram(what: int, t_ns: int, fields: bytes) -> bytes:
    """Pack an event as the kernel does: nlmsghdr, cn_msg, proc_event."""
    event = struct.pack("=IIQ", what, 0, t_ns) + fields
    message = struct.pack("=IIIIHH", 1, 1, 0, 0, len(event), 0) + event
    return struct.pack("=IHHII", 16 + len(message), 3, 0, 0, 0) + message


FORK = datagram(1, 111, struct.pack("=4i", 900, 900, 101, 101))


EXIT = datagram(0x80000000, 222, struct.pack("=2iII", 101, 101, 11, 17))


EXEC = datagram(2, 333, struct.pack("=2i", 101, 101))


SESSION = datagram(0x80, 444, struct.pack("=2i", 101, 101))  # PROC_EVENT_SID


class TestKernel:
    def test_forks_executions_and_exits_are_decoded_and_other_events_skipped(self) -> None:
        assert process_events.decode(FORK) == [(process_events.FORK, 111, (900, 900, 101, 101))]
        assert process_events.decode(EXEC + EXIT + SESSION + FORK) == [
            (process_events.EXEC, 333, (101, 101)),
            (process_events.EXIT, 222, (101, 101, 11, 17)),
            (process_events.FORK, 111, (900, 900, 101, 101)),
        ]

    @given(st.binary(max_size=80), st.integers(0, len(FORK)))
    def test_damaged_bytes_are_skipped(self, noise: bytes, cut: int) -> None:
        process_events.decode(noise)
        assert process_events.decode(EXIT + FORK[:cut]) == process_events.decode(EXIT) + (
            process_events.decode(FORK) if cut == len(FORK) else []
        )
        assert process_events.decode(EXIT + noise)[:1] == process_events.decode(EXIT)

    def collector(self, tmp_path: Path) -> tuple[kernel.Collector, socket.socket]:
        """Return a collector that reads from a socket pair, and the end of the pair that stands for the kernel."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        collector = kernel.Collector(context(tmp_path, master_pid=900)[0])
        collector._socket = ours
        return collector, theirs

    def test_only_children_of_the_master_make_rows(self, tmp_path: Path) -> None:
        collector, theirs = self.collector(tmp_path)
        gone = 2**22 + 1
        for parent, thread, child in ((900, gone, gone), (901, gone + 2, gone + 2), (900, gone + 3, 900)):
            theirs.send(datagram(1, 5, struct.pack("=4i", parent, parent, thread, child)))
        assert collector.read(0) == [Event(5, "kernel", "forked", gone)]
        theirs.send(EXEC)
        assert collector.read(0) == []
        for pid, status in ((gone, 11), (gone + 2, 11), (gone, 11)):
            theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", pid, pid, status, 17)))
        assert collector.read(0) == [Event(6, "kernel", "exited", gone, data={"signal": 11})]
        theirs.close()
        collector.close()

    def test_a_row_holds_the_exit_status_or_the_signal(self, tmp_path: Path) -> None:
        collector, theirs = self.collector(tmp_path)
        gone = 2**22 + 1
        data = []
        for status in (30 << 8, 0, 6 | 0x80):
            collector.on_event(row(0, "respawned", gone, 1))
            theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", gone, gone, status, 17)))
            data += [event.data for event in collector.read(0)]
        assert data == [{"exit_status": 30}, {"exit_status": 0}, {"signal": 6}]
        theirs.close()
        collector.close()

    def test_the_end_of_a_thread_is_not_the_end_of_its_process(self, tmp_path: Path) -> None:
        collector, theirs = self.collector(tmp_path)
        collector.on_event(row(0, "spawned", os.getpid(), 1))
        theirs.send(datagram(0x80000000, 6, struct.pack("=2iII", 12345, os.getpid(), 0, 17)))
        assert collector.read(0) == []
        theirs.close()
        collector.close()

    def test_without_permission_it_returns_the_reason(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied() -> socket.socket:
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(process_events, "subscribe", denied)
        ctx, watched = context(tmp_path)
        assert "Operation not permitted" in kernel.Collector(ctx).open()
        assert watched == {}
