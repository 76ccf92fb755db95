"""A run that crosses hosts for real: each host has a network and a clock of its own, and some of them die."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analysis.frames.results import load
from stacks.lifecycle.parts import PARTS_DIR, current_files
from stacks.lifecycle.records import REQUEST_COLUMNS, RUN_FILE
from stacks.run import supervisor
from tests.integration.namespaces import Host, command_pids, hosts
from tests.patience import LIMIT_S, until

PUT = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], method='PUT'), timeout=600)"
# Prints how many rows of a host are in a results location.
COUNT = """import sys
from stacks.hosts.location import Location
from stacks.hosts.recovery import count_rows
from stacks.lifecycle.parts import PARTS_DIR, current_files
run = Location(sys.argv[1])
names = [file.name for file in current_files(run.names(PARTS_DIR)) if file.part.host == sys.argv[2]]
print(sum(count_rows(run, name) for name in names))
"""
LOCUST = ("-f", "locustfiles/steady.py,locustfiles/recording/_recorder.py")
CAMPAIGN = "night"
COLUMNS = list(REQUEST_COLUMNS)


class Cluster:
    """A master, two load hosts and a uWSGI host, with their results location."""

    def __init__(self, folder: Path, made: list[Host], version: str, stack: str = "threads") -> None:
        self.master, self.a, self.b, self.uwsgi = made
        self.folder, self.version, self.stack = folder, version, stack
        self.location = str(folder / "location")
        self.path = folder / "location" / CAMPAIGN  # the directory of the run

    def start(self, run_time_s: int) -> None:
        observe = ("observe", "--master", self.master.address, "--stack", self.stack, "--version", self.version)
        address = f"{self.uwsgi.address}:8080"
        here = {"PACK_LOCATION": self.location, "PACK_CAMPAIGN": CAMPAIGN}
        here |= {"PACK_RESULTS": str(self.folder / "results"), "PACK_OBSERVERS": "1"}
        self.uwsgi.start(self.log("u"), "stacks", *observe, "--address", address, "--wait", int(LIMIT_S), **here)
        for host in (self.a, self.b):
            spool = self.folder / f"spool-{host.name}"
            spool.mkdir()
            worker = (*LOCUST, "--worker", "--master-host", self.master.address)
            host.start(self.log(host.name), "locust", *worker, **here, PACK_RECORD_DIR=str(spool))
        master = (*LOCUST, "--master", "--expect-workers", 2, "--headless", "-u", 16, "-r", 16, "-t", f"{run_time_s}s")
        master += ("--host", f"http://{address}", "--stop-timeout", 10)
        self.master.start(self.log("m"), "locust", *master, **here)

    def serve_s3(self) -> None:
        """Let the results location be a bucket of an S3 server on the host of the master."""
        server = f"{self.master.address}:5000"
        self.master.start(self.log("s3"), "moto.server", "-H", self.master.address, "-p", 5000)
        until(lambda: "Running on" in self.log("s3").read_text(), "no S3 server")
        self.master.run(sys.executable, "-c", PUT, f"http://{server}/results")
        self.location = f"s3://key:secret@results?endpoint_override={server}&scheme=http&region=us-east-1"

    def collect(self) -> None:
        """Copy the run from its S3 server when its coordinator has closed it."""
        until(lambda: not command_pids(self.master, "stacks.hosts.coordinator_process"), "the coordinator never ended")
        self.master.run(sys.executable, "-m", "stacks", "collect", self.run_url(), str(self.folder / "copy"))
        self.path = self.folder / "copy" / CAMPAIGN / "run"

    def run_url(self) -> str:
        """Return where the run is on the S3 server."""
        return self.location.replace("?", f"/{CAMPAIGN}?")

    def shipped(self, host: Host) -> int:
        """Return how many rows of a load host are on the S3 server by now."""
        return int(self.master.run(sys.executable, "-c", COUNT, self.run_url(), host.name))

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def logs(self) -> str:
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def rows(self, host: Host) -> list[dict[str, Any]]:
        """Return the rows of a load host that are in the location, as it measured them."""
        files = current_files([path.name for path in (self.path / PARTS_DIR).glob("*.parquet")], CAMPAIGN)
        rows = []
        for file in files:
            if file.part.host == host.name:
                rows += pq.read_table(self.path / PARTS_DIR / file.name).to_pylist()
        for row in rows:
            for name in ("start_ns", "scheduled_ns"):
                row[name] -= row["clock_shift_ns"]
        return rows

    def keep_spool(self, host: Host) -> Path:
        """Return another name of the spool of a host: the agent removes the spool when its part is written."""
        (spool,) = until(
            lambda: list((self.folder / f"spool-{host.name}").glob("*/requests-*.tsv")), f"no spool of {host.name}"
        )
        kept = self.folder / f"{host.name}.tsv"
        os.link(spool, kept)
        return kept

    def record(self) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self.path / RUN_FILE).read_text())
        except FileNotFoundError:
            return {"status": "running"}
        return record

    def closed_record(self) -> dict[str, Any]:
        return dict(until(lambda: (r := self.record())["status"] != "running" and r, f"never closed\n{self.logs()}"))


def spooled(path: Path) -> list[list[str]]:
    """Return the fields of every whole row of a spool."""
    text = path.read_text()
    lines = text[: text.rfind("\n") + 1].splitlines()[1:]
    return [line.split("\t") for line in lines if not line.startswith("#")]


def as_fields(rows: list[dict[str, Any]]) -> list[list[str]]:
    return sorted([str(row[name]) for name in COLUMNS] for row in rows)


@pytest.fixture
def cluster(tmp_path: Path, venv: Callable[[str], object]) -> Any:
    version = "py312-2.0.30.post1"
    venv(version)
    with hosts("m", "a", "b", "u") as made:
        yield Cluster(tmp_path, made, version)


def test_a_run_over_four_hosts_has_its_verdict_every_row_and_the_bounds_of_the_clocks(cluster: Cluster) -> None:
    """The ways there and back take different times, and lose one packet of 200."""
    delays = {"m": 1, "a": 20, "b": 2, "u": 6}  # ms
    for host in (cluster.master, cluster.a, cluster.b, cluster.uwsgi):
        host.impair(delays[host.name], 0.5)
    cluster.start(run_time_s=600)
    spools = [(host, cluster.keep_spool(host)) for host in (cluster.a, cluster.b)]
    pid_column = COLUMNS.index("pid")
    # A verdict takes 20 respawns, and those that answer last may not have come back at the end.
    until(lambda: len({row[pid_column] for _, spool in spools for row in spooled(spool)}) > 30, "few workers answered")
    (pid,) = command_pids(cluster.master, "--master", "locust")
    os.kill(pid, signal.SIGTERM)
    record = cluster.closed_record()
    assert (record["status"], record["verdict"]) == ("done", "recovers"), (record["error"], cluster.logs())
    for host, spool in spools:
        assert as_fields(cluster.rows(host)) == sorted(spooled(spool))
        (clock,) = [clock for clock in record["hosts"]["clocks"] if clock["host"] == host.name]
        # The clocks of the hosts are whole seconds apart; this is the truth that the measurement must contain.
        true_ns = (cluster.uwsgi.ahead_s - host.ahead_s) * 10**9
        assert abs(clock["shift_ns"] - true_ns) <= clock["bound_ns"]
        # Half of each of the two round trips, over the master.
        delay_ms = (delays[host.name] + delays["u"]) / 2 + delays["m"]
        assert delay_ms * 1e6 < clock["bound_ns"] < 10**9
    failed = sum(bool(row["error"]) for host, _ in spools for row in cluster.rows(host))
    assert record["hosts"]["locust"]["failures"] == failed
    assert record["hosts"]["locust"]["requests"] > 0
    results = load(cluster.path)
    assert results.counted["requests"].tolist() == [sum(len(spooled(spool)) for _, spool in spools)]
    answered = results.episodes.dropna(subset=["first_response_ns"])
    assert len(answered) > 0
    assert (answered["first_response_ns"] >= answered["forked_ns"]).all()


def test_not_a_row_is_lost_when_a_host_is_cut_off_another_one_dies_and_the_master_is_killed(cluster: Cluster) -> None:
    cluster.serve_s3()
    cluster.start(run_time_s=600)
    a, b = cluster.keep_spool(cluster.a), cluster.keep_spool(cluster.b)
    until(lambda: len(spooled(a)) > 20 and len(spooled(b)) > 20, "no rows came")

    # Not both at once: Locust ends a test when the last worker is missing.
    cluster.a.unplug()
    before = len(spooled(a))
    until(lambda: len(spooled(a)) > before + 3, "no request failed")
    cluster.a.plug_in()
    until(lambda: len([row for row in spooled(a)[before:] if row[3] == "200"]) > 20, "a did not come back")
    early = spooled(b)
    until(lambda: cluster.shipped(cluster.b) >= len(early), "b did not ship its rows")
    cluster.b.kill()
    (pid,) = command_pids(cluster.master, "--master", "locust")
    supervisor.kill(pid)
    cluster.collect()
    record = cluster.closed_record()
    assert record["status"] == "incomplete"
    (missing,) = record["hosts"]["missing"]
    assert missing.startswith(f"b: {len(cluster.rows(cluster.b))} rows of Locust")
    assert record["verdict"] == "recovers"
    assert "locust" not in record["hosts"]  # its master was killed
    # a lost nothing at all.
    assert as_fields(cluster.rows(cluster.a)) == sorted(spooled(a))
    # b lost nothing that it had shipped, and its rows are there in the order of its spool: only the last are missing.
    there, written = as_fields(cluster.rows(cluster.b)), spooled(b)
    assert len(there) >= len(early)
    assert there == sorted(written[: len(there)])
    assert [why for _, why in load(cluster.path).damaged if "b: " in why]
