"""Builds small results directories with the pack's own writers, for the tests of `analysis`.

A test tells a Story (events and requests of one run) and gives it to a Builder, which writes the campaign.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.frames.campaigns import load_campaign
from stacks.lifecycle import records
from stacks.lifecycle.records import Event

BEGIN = 1_000_000_000_000  # ns: the load begins when the machine has been up for 1000 s
MASTER = 900
SOURCES = {"exited": "exits", "state": "closer", "backtrace": "backtrace"}  # of other kinds of row: the log
HOST = {"hostname": "box", "kernel": "6.1", "machine": "x86_64", "cpu": "Xeon", "cores": 2, "memory_kib": 8 << 20}
CLOCK = {"monotonic_ns": BEGIN, "unix_ns": BEGIN}
RUN_PLAN = {"users": 8, "duration_s": 2.0, "workers": 2, "max_requests": 10, "respawns": 2, "options": {}}
RUN_PLAN |= {"start_limit_s": 120.0, "limit_s": 92.0}
CAMPAIGN_PLAN = {"trials": 1, "seed": 1, "scenario": "steady", "users": 8, "duration_s": 2.0, "workers": 2}
CAMPAIGN_PLAN |= {"max_requests": 10, "respawns": 2, "options": {}, "app": None, "rate": None}
TYPES = {"int64": pa.int64(), "int32": pa.int32(), "int16": pa.int16(), "string": pa.string()}
GIL_BACKTRACE = ["futex_wait", "take_gil", "PyEval_RestoreThread", "uwsgi_python_master_fixup", "uwsgi_respawn_worker"]


def at(seconds: float) -> int:
    """Return the time in ns that is `seconds` after the begin of the load."""
    return BEGIN + round(seconds * 1e9)


@dataclass
class Story:
    """The events and requests of one run. All times are seconds since the load began."""

    events: list[Event] = field(default_factory=list)
    requests: list[dict] = field(default_factory=list)
    pid: int = 1000  # of the worker that was forked last

    def add(self, t: float, kind: str, pid: int | None = None, slot: int | None = None, **data) -> None:
        """Add one event."""
        self.events.append(Event(at(t), SOURCES.get(kind, "log"), kind, pid, slot, data))

    def first(self, slot: int, *, ready: bool = True) -> int:
        """Fork a worker of the first generation before the load begins, and return its pid."""
        self.pid += 1
        self.add(-1.0, "spawned", self.pid, slot)
        if ready:
            self.add(-0.9, "ready", self.pid)
        return self.pid

    def respawn(self, slot: int, old: int, t: float, *, took: float | None = 0.5, crash: bool = False) -> int:
        """Replace worker `old`, which leaves at t, and return the pid of the new worker.

        The new worker is ready `took` seconds after t; None: never. With `crash`, `old` dies without an exit.
        """
        self.pid += 1
        if not crash:
            self.add(t, "exit_begun", old)
        self.add(t + 0.01, "exited", old)
        self.add(t + 0.1, "respawned", self.pid, slot)
        if took is not None:
            self.add(t + took, "ready", self.pid)
        return self.pid

    def hang(self, pid: int, t: float, seconds: float = 1.0) -> None:
        """Add the events that prove a process stuck: no CPU time, one thread on a futex, the GIL in its backtrace."""
        for step in (0.0, seconds / 2, seconds):
            self.add(t + step, "state", pid, ticks=2, switches=int(200 * step), tasks=[["S", "futex-timed"]])
        file = f"evidence/backtrace-{pid}.txt"
        self.add(t + seconds, "backtrace", pid, frames=GIL_BACKTRACE, file=file, reason="")

    def request(self, start: float, latency: float = 0.001, error: str = "", slot: int = 0, pid: int = 0) -> None:
        """Add one request; an empty `error` means that it was answered."""
        row = {"scheduled_ns": at(start), "start_ns": at(start), "latency_us": round(latency * 1e6)}
        row |= {"status": 0 if error else 200, "error": error, "slot": slot, "pid": pid, "bytes": 0 if error else 12}
        self.requests.append(row | {"method": "GET", "name": "/"})


def recovering(workers: int = 2, respawns: int = 3, took: float = 0.5, duration: float = 2.0) -> Story:
    """Return a story in which every slot respawns `respawns` times and a request is answered every 20 ms."""
    story = Story()
    story.add(-1.5, "master", MASTER)
    pids = {slot: story.first(slot) for slot in range(1, workers + 1)}
    for turn in range(respawns):
        for slot in pids:
            pids[slot] = story.respawn(slot, pids[slot], 0.1 + turn * duration / (respawns + 0.5), took=took)
    for tick in range(int(duration / 0.02)):
        story.request(tick * 0.02, slot=1, pid=pids[1])
    return story


def hanging(workers: int = 2, duration: float = 2.0, until: float = 0.6) -> Story:
    """Return a story in which every slot hangs at its first respawn.

    Requests are answered before `until`; after that four requests time out.
    """
    story = Story()
    story.add(-1.5, "master", MASTER)
    pids = {slot: story.first(slot) for slot in range(1, workers + 1)}
    for slot, old in pids.items():
        begun = 0.3 + 0.3 * slot / workers
        new = story.respawn(slot, old, begun, took=None)
        story.hang(new, begun + 0.15)
    for tick in range(int(duration / 0.02)):
        t = tick * 0.02
        if t < until:
            story.request(t, slot=1, pid=pids[1])
    for _ in range(4):
        story.request(until, 1.0, "timeout")
    return story


@dataclass
class Builder:
    """Writes a campaign into `path`: `cell`, then `run` for each run of that cell, and `write` at the end."""

    path: Path
    cells: list[dict] = field(default_factory=list)

    def cell(
        self, stack: str = "threads", version: str = "py312-2.0.30.post1", expected: str = "recovers", **more
    ) -> None:
        """Add a cell to the plan. `more` are further fields of the cell in campaign.json."""
        python, pin = version.removeprefix("py").split("-", 1)
        row = {"stack": stack, "version": version, "python": f"{python[0]}.{python[1:]}", "package": "pyuwsgi"}
        row |= {"variant": "", "pin": pin, "app": "hello.py", "what": f"what {stack} is", "expected": expected}
        self.cells.append(row | {"not_tested_because": None, "runs": []} | more)

    def run(self, verdict: str | None = "recovers", story: Story | None = None, **more) -> Path:
        """Write a run of the cell that was added last, and return its directory. `more` are fields of run.json."""
        cell = self.cells[-1]
        name = cell["stack"] + (f"+{cell['variant']}" if cell["variant"] else "")
        run_id = f"{name}-{cell['version']}-{len(cell['runs']) + 1}"
        cell["runs"].append(run_id)
        directory = self.path / run_id
        directory.mkdir(parents=True)
        run = {"schema": records.SCHEMA, "run_id": run_id, "campaign": self.path.name, "trial": len(cell["runs"])}
        run |= {name: cell[name] for name in ("stack", "version", "python", "package", "app", "expected")}
        run |= {"package_version": cell["pin"], "scenario": "steady", "seed": 1, "status": "done", "error": None}
        run |= {"load": {"begin_ns": BEGIN, "end_ns": at(2.0), "window_s": 2.0}, "verdict": verdict}
        run |= {"reason": f"because {verdict}", "evidence": None, "duration_s": 3.0}
        run |= {"plan": RUN_PLAN, "paths": {"scenario": "/pack/locustfiles/steady.py"}, "host": HOST, "clock": CLOCK}
        run |= {"stop": {"signal": "INT", "seconds": 1.0, "tried": [], "left_behind": []}}
        records.write_json(directory / records.RUN_FILE, run | more)
        if story is not None:
            write_story(directory, story)
        return directory

    def write(self, **more) -> Path:
        """Write campaign.json and return the path of the campaign. `more` are further fields of campaign.json."""
        campaign = {"schema": records.SCHEMA, "campaign": self.path.name, "status": "done", "seed": 1, "trials": 1}
        campaign |= {"scenario": "steady", "cells": self.cells, "command": "python -m stacks loadtest --seed 1"}
        campaign |= {"kind": "loadtest", "plan": CAMPAIGN_PLAN}
        campaign |= {"host": HOST, "git": {"commit": "0123abc", "dirty": False}, "clock": CLOCK}
        self.path.mkdir(parents=True, exist_ok=True)
        records.write_json(self.path / records.CAMPAIGN_FILE, campaign | more)
        return self.path


def write_story(directory: Path, story: Story) -> None:
    """Write the events and the requests of a run."""
    lines = [event.to_json() + "\n" for event in story.events]
    (directory / records.EVENTS_FILE).write_text("".join(lines))
    schema = pa.schema([(name, TYPES[kind]) for name, kind in records.REQUEST_COLUMNS.items()])
    pq.write_table(pa.Table.from_pylist(story.requests, schema=schema), directory / records.REQUESTS_FILE)


def edit_json(path: Path, **changes) -> None:
    """Replace fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def typical(path: Path) -> Path:
    """Write a campaign of six cells with two runs each, and return its path.

    Two cells hang: stack `threads` at an old version, which recovers at newer versions and on an older Python, and
    stack `thread-at-fork` at the newest version, which recovers with lazy-apps.
    """
    builder = Builder(path)
    evidence = "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
    killed = {"signal": "KILL", "seconds": 2.5, "tried": [{"signal": "INT", "waited_s": 2.0}], "left_behind": []}
    for stack, version, hangs in (
        ("threads", "py312-2.0.26", True),
        ("threads", "py312-2.0.27.post1", False),
        ("threads", "py312-2.0.30.post1", False),
        ("threads", "py311-2.0.26", False),
        ("thread-at-fork", "py312-2.0.30.post1", True),
        ("thread-at-fork-lazy", "py312-2.0.30.post1", False),
    ):
        builder.cell(stack, version, "hung_worker" if hangs else "recovers")
        for _ in range(2):
            if hangs:
                builder.run("hung_worker", hanging(), evidence=evidence, stop=killed)
            else:
                builder.run("recovers", recovering())
    return builder.write()


def load_only_run(builder: Builder, story: Story, verdict: str = "recovers", **more):
    """Write a campaign whose only run tells `story`; return the loaded campaign and the row of the run."""
    builder.run(verdict, story, **more)
    campaign = load_campaign(builder.write())
    assert campaign.left_out == []
    return campaign, campaign.runs.iloc[0]
