"""Samples, once a second, CPU time and memory of every process of the run, and the accept backlog of its port.

The samples go to samples.parquet (records.SAMPLE_COLUMNS), so this collector makes no lifecycle rows.
"""

from __future__ import annotations

import contextlib
import os

from stacks.lifecycle.records import Event
from stacks.observe import proc, tcp_table, waits
from stacks.observe.collectors import Base, Context
from stacks.observe.sock_diag import SockDiag

# Only every fifth sample holds the PSS: the kernel needs milliseconds to add up the pages of a big process, and the
# process cannot map memory meanwhile.
PSS_EVERY = 5


class Collector(Base):
    name = "usage"
    interval_s = 1.0

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._count = 0
        self._diag: SockDiag | None = None

    def open(self) -> str:
        with contextlib.suppress(OSError):
            self._diag = SockDiag(os.getpid())
        return ""

    def sample(self) -> list[Event]:
        context = self.context
        processes = {context.master_pid: ("master", 0), os.getpid(): ("observer", 0)}  # pid -> role and slot
        processes |= {pid: (role, 0) for pid, role in context.processes.items()}
        processes |= {i.pid: ("worker", slot) for slot, i in context.lifecycle.current().items() if i.exited_ns is None}
        now_ns = context.clock()
        with_pss = self._count % PSS_EVERY == 0
        self._count += 1
        for pid, (role, slot) in processes.items():
            stat = proc.stat(pid)
            if stat is None:
                continue
            wait = waits.wait_of(proc.PROC / str(pid))
            context.samples.append(
                (
                    now_ns,
                    role,
                    slot,
                    pid,
                    stat.ticks,
                    stat.rss_kib,
                    proc.pss_kib(pid) if with_pss else -1,
                    stat.threads,
                    wait,
                    0,
                )
            )
        waiting = self._backlog()
        if waiting is not None:
            context.samples.append((now_ns, "backlog", 0, 0, 0, 0, -1, 0, "", waiting))
        return []

    def _backlog(self) -> int | None:
        """Return the length of the accept backlog: from the kernel, or from /proc/net/tcp if it answers no question."""
        if self._diag is not None:
            try:
                return self._diag.backlog(self.context.port)
            except OSError:
                self.close()
        return tcp_table.backlog(self.context.port)

    def close(self) -> None:
        if self._diag is not None:
            self._diag.close()
            self._diag = None
