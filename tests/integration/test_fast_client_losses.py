"""The recorder loses no row at any end that it can notice. After a SIGKILL it loses the rows since the last flush."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from stacks.run.parquet import write_requests
from tests.patience import until
from tests.unit.locustfiles.hammering import all_rows, answered, counts, locust, parts, tiny_server

CLIENTS = ["FastUser", "FastHttpUser"]
SCENARIO = """
from fast_client import FastUser
from locust import FastHttpUser, constant, task

class Hammering({client}):
    wait_time = constant(0.005)
    connection_timeout = network_timeout = 10.0
    @task({often})
    def ask(self):
        self.client.get("/")
    @task
    def hang(self):
        self.client.get("{rare}")
"""
# Writes down when each request had its answer, without the recorder.
WITNESS = """
import os, time

class Witness(Hammering):
    @task
    def ask(self):
        self.client.get("/")
        with open(f"answers-{os.getpid()}", "a") as answers:
            answers.write(f"{time.monotonic_ns()}\\n")

del Hammering
"""


def ordinary(client: str) -> str:
    return SCENARIO.format(client=client, often=1, rare="/chunked")


@pytest.mark.parametrize("client", CLIENTS)
def test_two_processes_lose_nothing(tmp_path: Path, client: str) -> None:
    with tiny_server(tmp_path) as where:
        options = ["-u", "6", "-r", "6", "--processes", "2", "--stop-timeout", "60"]
        with locust(tmp_path, ordinary(client), where, *options) as process:
            until(lambda: sum(len(rows) > 50 for rows, _ in parts(tmp_path).values()) == 2)
            process.terminate()
        rows = all_rows(tmp_path)
        assert len(rows) == answered(where)
    assert {row["error"] for row in rows} == {""}
    assert sum(len(rows) > 0 for rows, _ in parts(tmp_path).values()) == 2


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_after_sigterm_the_requests_in_flight_are_rows(tmp_path: Path, client: str, processes: str) -> None:
    scenario = SCENARIO.format(client=client, often=5, rare="/hang")
    more = ["--processes", "2"] if processes == "2" else []
    with tiny_server(tmp_path) as where:
        with locust(tmp_path, scenario, where, "-u", "6", "-r", "6", *more) as process:
            until(lambda: counts(where)[1] == 6)  # one task of six hangs, so in the end every user hangs
            process.send_signal(signal.SIGTERM)
        rows = all_rows(tmp_path)
        assert len(rows) == answered(where)
    errors = [row["error"] for row in rows]
    assert errors.count("in_flight") == 6
    assert set(errors) == {"", "in_flight"}
    assert write_requests(tmp_path)


def test_requests_of_users_that_are_killed_at_the_end_are_rows(tmp_path: Path) -> None:
    scenario = SCENARIO.format(client="FastUser", often=1, rare="/hang")
    with tiny_server(tmp_path) as where, locust(tmp_path, scenario, where, "-u", "4", "-r", "4", "-t", "10s"):
        pass
    held = [row for row in all_rows(tmp_path) if row["error"] == "in_flight"]
    assert [row["latency_us"] > 500_000 for row in held] == [True] * 4


def test_a_worker_that_gets_sigkill_keeps_the_rows_that_it_flushed(tmp_path: Path) -> None:
    with tiny_server(tmp_path) as where:
        options = ["-u", "4", "-r", "4", "--processes", "2"]
        with locust(tmp_path, ordinary("FastUser") + WITNESS, where, *options) as process:
            until(lambda: sum(len(rows) > 50 for rows, _ in parts(tmp_path).values()) == 2)
            victim = next(pid for pid, (rows, _) in parts(tmp_path).items() if rows and pid != process.pid)
            before = len(parts(tmp_path)[victim][0])
            os.kill(victim, signal.SIGKILL)
            process.terminate()
        by_pid = parts(tmp_path)
    rows, is_complete = by_pid.pop(victim)
    assert len(rows) >= before
    assert not is_complete
    assert all(other_is_complete for _, other_is_complete in by_pid.values())
    # Only rows after the last one of the file are lost.
    end_ns = max(row["start_ns"] + 1000 * row["latency_us"] for row in rows)
    answers = [int(line) for line in (tmp_path / f"answers-{victim}").read_text().splitlines()]
    assert sum(at_ns <= end_ns for at_ns in answers) <= len(rows)
    assert write_requests(tmp_path) is False
