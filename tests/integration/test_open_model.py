"""The open model: arrivals follow the schedule, a freeze of the server shows in full, and missed arrivals count."""

from __future__ import annotations

import itertools
import math
import random
import statistics
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "locustfiles"))
from fast_client._arrivals import schedule

from tests.patience import until
from tests.unit.locustfiles.hammering import all_rows, locust, parts, tiny_server

BREATH = 64  # of fast_client/_open_model.py, whose import loads gevent, which changes the threads of this process
FREEZE_S, EVERY_S = 2.0, 5.0
SLOW_S = 1.0  # no machine that is only busy answers so late
PERIODS = 2
OPEN = """
from fast_client import FastUser
from fast_client import OpenModel
from locust import FastHttpUser, task

class Open(OpenModel, {client}):
    rate, arrivals, max_in_flight = {rate}, "{arrivals}", {most}
    connection_timeout = network_timeout = 10.0
    @task
    def ask(self):
        self.client.get("{path}")
"""
# The end of the user comes between the start of a request and its first step.
ENDS = """
import gevent

class Ends(Open):
    count = 0
    def _advance(self):
        super()._advance()
        self.count += 1
        if self.count == 2:
            gevent.getcurrent().kill(block=False)
"""
CLOSED = """
from fast_client import FastUser
from locust import constant_throughput, task

class Closed(FastUser):
    wait_time = constant_throughput(100)
    @task
    def ask(self):
        self.client.get("/")
"""


def times(rate: Any, kind: str, seconds: float) -> list[float]:
    moments = itertools.takewhile(lambda one: one[0] < seconds, schedule(rate, kind, random.Random(7)))
    return [at for at, arrives in moments if arrives]


def test_constant_arrivals_are_evenly_spaced() -> None:
    found = times(8.0, "constant", 100)
    assert len(found) in (799, 800, 801)
    assert all(math.isclose(b - a, 0.125, abs_tol=1e-6) for a, b in itertools.pairwise(found))


def test_poisson_arrivals_have_exponential_gaps() -> None:
    gaps = [b - a for a, b in itertools.pairwise(times(50.0, "poisson", 400))]
    assert statistics.mean(gaps) == pytest.approx(1 / 50, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.05)
    assert sum(gap > 1 / 50 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.02)


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_a_rate_that_changes_gives_as_many_arrivals_as_its_integral(kind: str) -> None:
    found = times(lambda s: 200.0 if s % 2 < 0.5 else 0.0, kind, 60)
    assert all(at % 2 < 0.5 + 1e-9 for at in found)
    assert len(found) == pytest.approx(60 / 4 * 200, abs=3 if kind == "constant" else 4 * math.sqrt(3000))


def test_a_rate_of_0_has_no_arrivals_and_an_impossible_rate_is_refused() -> None:
    assert times(0, "poisson", 100) == []
    for rate in (-1, math.nan, math.inf, 1e9):
        with pytest.raises(ValueError, match="not between"):
            next(schedule(rate))
    with pytest.raises(ValueError, match="poisson or constant"):
        next(schedule(1.0, "uniform"))


def slow_share(rows: list[dict[str, Any]]) -> float:
    """Return the share of requests that took longer than SLOW_S, in whole periods of the freeze."""
    first_ns = min(row["start_ns"] for row in rows)
    waits = [
        (row["start_ns"] - row["scheduled_ns"]) / 1e9 + row["latency_us"] / 1e6
        for row in rows
        if 0 <= row["scheduled_ns"] - first_ns < PERIODS * EVERY_S * 1e9
    ]
    return sum(wait > SLOW_S for wait in waits) / len(waits)


@pytest.mark.parametrize("client", ["FastUser", "FastHttpUser"])
def test_the_share_of_slow_requests_is_that_of_the_freeze(tmp_path: Path, client: str) -> None:
    # At a higher rate, requests that queue after the freeze are slow too; their number depends on the machine.
    scenario = OPEN.format(client=client, rate=20, arrivals="constant", most=1000, path="/")
    limit = ["-u", "1", "-t", f"{PERIODS * EVERY_S + 1:.0f}s", "--stop-timeout", "60"]
    freeze = ["--freeze", str(FREEZE_S), "--every", str(EVERY_S)]
    with tiny_server(tmp_path, *freeze) as where, locust(tmp_path, scenario, where, *limit):
        pass
    rows = all_rows(tmp_path)
    assert {row["error"] for row in rows} == {""}
    scheduled = sorted(row["scheduled_ns"] for row in rows)
    gaps_s = [(b - a) / 1e9 for a, b in itertools.pairwise(scheduled)]
    assert gaps_s == pytest.approx([1 / 20] * (len(rows) - 1), abs=1e-5)  # each arrival of the schedule is a row
    # (FREEZE_S - SLOW_S) / EVERY_S is 0.2. A machine that is busy makes more of them slow, and none of them fast.
    assert slow_share(rows) >= 0.17
    assert min(row["latency_us"] for row in rows) < SLOW_S * 1e6


def test_a_closed_model_shows_few_slow_requests(tmp_path: Path) -> None:
    """The control: with the same freeze, the server looks fast, because users send nothing while they wait."""
    freeze = ["--freeze", str(FREEZE_S), "--every", str(EVERY_S)]
    limit = ["-u", "1", "-t", f"{PERIODS * EVERY_S + 1:.0f}s"]
    with tiny_server(tmp_path, *freeze) as where, locust(tmp_path, CLOSED, where, *limit):
        pass
    assert slow_share(all_rows(tmp_path)) < 0.1


def test_an_arrival_that_cannot_start_is_missed_and_a_request_without_answer_is_in_flight(tmp_path: Path) -> None:
    scenario = OPEN.format(client="FastUser", rate=50, arrivals="constant", most=5, path="/hang")
    with tiny_server(tmp_path) as where, locust(tmp_path, scenario, where, "-u", "1") as process:
        # The generator has let others run since it started the requests: it does so after so many arrivals.
        until(lambda: len(rows_so_far(tmp_path)) > BREATH)
        process.terminate()
    rows = all_rows(tmp_path)
    by_error = {word: [row for row in rows if row["error"] == word] for word in ("in_flight", "missed")}
    assert len(by_error["in_flight"]) == 5
    assert by_error["missed"]
    scheduled = sorted(row["scheduled_ns"] for row in rows)
    gaps_s = [(b - a) / 1e9 for a, b in itertools.pairwise(scheduled)]
    assert gaps_s == pytest.approx([1 / 50] * (len(rows) - 1), abs=1e-5)  # each arrival of the schedule is a row
    assert len(rows) == 5 + len(by_error["missed"])
    assert {row["name"] for row in by_error["missed"]} == {"ask"}
    assert all(row["scheduled_ns"] <= row["start_ns"] for row in rows)
    assert "missed: 5 in flight" in (tmp_path / "locust.log").read_text()


def test_at_an_orderly_end_no_arrival_is_missed(tmp_path: Path) -> None:
    scenario = OPEN.format(
        client="FastUser", rate="lambda self, s: 100 if s < 1 else 0", arrivals="poisson", most=1000, path="/"
    )
    with (
        tiny_server(tmp_path) as where,
        locust(tmp_path, scenario, where, "-u", "2", "-r", "2", "-t", "8s", "--stop-timeout", "60"),
    ):
        pass
    rows = all_rows(tmp_path)
    assert {row["error"] for row in rows} == {""}
    assert 120 <= len(rows) <= 280


@pytest.mark.parametrize(("change", "reason"), [("rate=-1", "not between"), ("arrivals='x'", "poisson or constant")])
def test_a_wrong_schedule_is_an_error_in_the_log(tmp_path: Path, change: str, reason: str) -> None:
    scenario = OPEN.format(client="FastUser", rate=1, arrivals="constant", most=9, path="/") + f"\nOpen.{change}\n"
    with tiny_server(tmp_path) as where, locust(tmp_path, scenario, where, "-u", "1", "-t", "2s"):
        pass
    assert reason in (tmp_path / "locust.log").read_text()


def test_an_arrival_whose_request_never_began_is_missed(tmp_path: Path) -> None:
    scenario = OPEN.format(client="FastUser", rate=2, arrivals="constant", most=5, path="/") + ENDS
    with tiny_server(tmp_path) as where, locust(tmp_path, scenario, where, "-u", "1", "Ends") as process:
        until(lambda: bool(rows_so_far(tmp_path)))
        process.terminate()
    assert {row["error"] for row in all_rows(tmp_path)} == {"missed"}


def rows_so_far(directory: Path) -> list[dict[str, Any]]:
    """Return the rows that Locust has written until now."""
    return [row for rows, _ in parts(directory).values() for row in rows]
