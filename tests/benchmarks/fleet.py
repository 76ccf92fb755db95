"""A coordinator beside many load agents: its CPU time and memory, how soon it answers, how long it takes to close.

`python -m tests.benchmarks.fleet [AGENTS] [SECONDS]` (default: 400 agents for 20 s). The agents are connections of this
process, which ask as real ones do; their parts are small files in a directory.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stacks.catalogue import ROOT
from stacks.hosts.card import ENDED, LOAD, RECORDING, WRITTEN, Card
from stacks.hosts.clocks import SAME
from stacks.hosts.load_agent import ASK_S
from stacks.hosts.location import Location
from stacks.hosts.pack_version import pack_version
from stacks.hosts.spool import part_schema
from stacks.lifecycle.losses import Tally
from stacks.lifecycle.parts import PARTS_DIR, Part
from stacks.lifecycle.records import RUN_FILE
from stacks.observe import proc
from stacks.run.ports import free_port

LIMIT_S = 300.0


class Agent:
    """A connection that asks like a load agent. `waits_s` are the times until an answer came."""

    def __init__(self, number: int) -> None:
        self.part = Part("night", f"load{number // 4}", number, 1)
        host, version = self.part.host, pack_version()
        self.card = Card(LOAD, self.part.text, host, number, version, host, RECORDING, offset=SAME)
        self.waits_s: list[float] = []

    async def connect(self, port: int) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(self) -> None:
        began_s = time.perf_counter()
        self.writer.write(json.dumps(self.card.to_json()).encode() + b"\n")
        await self.reader.readline()
        self.waits_s.append(time.perf_counter() - began_s)

    async def work(self, seconds: float, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            await self.ask()
            await asyncio.sleep(ASK_S)

    async def end(self, location: Location) -> None:
        self.card.state, self.card.tally = ENDED, Tally(requests=1).to_json()
        await self.ask()
        self.card.state, self.card.complete = WRITTEN, True
        location.write(self.card.file, self.card.to_bytes())
        await self.ask()


async def lead(folder: Path, agents: list[Agent], seconds: float) -> dict[str, object]:
    location = Location(str(folder)).below("night")
    rows = pa.table([pa.nulls(0, field.type) for field in part_schema()], schema=part_schema())
    (folder / "night" / PARTS_DIR).mkdir(parents=True)
    for agent in agents:
        pq.write_table(rows, folder / "night" / PARTS_DIR / agent.part.file)
    ours, theirs = socket.socketpair()
    port = free_port()
    command = [sys.executable, "-m", "stacks.hosts.coordinator_process", "--location", str(folder), "--bind"]
    command += ["127.0.0.1", "--campaign", "night", "--scenario", "steady"]
    numbers = {"port": port, "fd": theirs.fileno(), "loads": len(agents), "observers": 0, "users": 1}
    command += [word for name, number in numbers.items() for word in (f"--{name}", str(number))]
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
    theirs.close()
    ours.send(b"up\n")
    end_s = time.monotonic() + LIMIT_S
    while True:
        try:
            await agents[0].connect(port)
            break
        except OSError:
            assert time.monotonic() < end_s
            await asyncio.sleep(0.1)
    for agent in agents[1:]:
        await agent.connect(port)
    began_ticks = _ticks(process.pid)
    await asyncio.gather(*(agent.work(seconds, ASK_S * i / len(agents)) for i, agent in enumerate(agents)))
    cpu_s = (_ticks(process.pid) - began_ticks) / proc.CLOCK_TICKS
    waits_ms = sorted(1000 * wait_s for agent in agents for wait_s in agent.waits_s)
    ours.send(b"end\n")
    await asyncio.gather(*(agent.end(location) for agent in agents))
    ended_s = time.monotonic()
    peak_kib = 0
    while process.poll() is None and time.monotonic() < end_s:
        peak_kib = max(peak_kib, _peak_kib(process.pid))
        await asyncio.sleep(0.01)
    record = json.loads((folder / "night" / RUN_FILE).read_text())
    return {
        "agents": len(agents),
        "messages_s": round(len(waits_ms) / seconds),
        "coordinator_cores": round(cpu_s / seconds, 3),
        "answer_ms": {name: round(waits_ms[int(len(waits_ms) * q)], 2) for name, q in (("median", 0.5), ("p99", 0.99))},
        "closed_after_s": round(time.monotonic() - ended_s, 2),
        "memory_mb": peak_kib >> 10,
        "status": record["status"],
        "run_json_kb": (folder / "night" / RUN_FILE).stat().st_size >> 10,
    }


def _ticks(pid: int) -> int:
    stat = proc.stat(pid)
    return stat.ticks if stat else 0


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(lead(Path(folder), [Agent(number) for number in range(count)], seconds))))


if __name__ == "__main__":
    main()
