"""From an app to a plan on real uWSGI: `make capacity` with less of everything, and a run that verifies its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from contract import problems_below

from analysis.__main__ import main
from analysis.reports import verification_run
from stacks.catalogue import read_ini
from stacks.lifecycle.records import REQUESTS_FILE

from .conftest import shell, unless_held_up

APP = """
import time
from beside import PAUSE_S, SAYS

def application(environ, start_response):
    time.sleep(PAUSE_S)
    start_response("200 OK", [("Content-Length", str(len(SAYS)))])
    return [SAYS]
"""
ATTEMPTS = 3
BESIDE = """
import os
PAUSE_S, SAYS = float(os.environ["PAUSE_S"]), b"mine"
"""


def made_plan(results: Path) -> tuple[Path, Any]:
    """Make a capacity plan. Return its directory and its content."""
    command = "make capacity DEMAND=20 SLO_P99=5s WORKERS=4 THREADS=1 TRIALS=1"
    done = unless_held_up(lambda: shell(command), results)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a request takes" in done.stderr
    directory = (results / "latest").resolve()
    return directory, json.loads((directory / "capacity.json").read_text())


def test_a_plan_from_end_to_end(venv: Callable[[str], object], results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    monkeypatch.setenv("PACK_NO_PDF", "1")
    # One run of each size says little where other work disturbs it: the lower limit of its curve may be 0 then.
    for _ in range(ATTEMPTS):
        directory, plan = made_plan(results)
        checked = {check["what"].split(",")[0] for check in plan["measured_against_predicted"]}
        if plan["recommendation"]["feasible"] and len(checked) == 3:
            break
    assert plan["recommendation"]["feasible"], plan["recommendation"]["why_not"]
    assert {point["size"] for point in plan["measured"]["points"]} == {1, 2, 3, 4}
    assert [kind["lazy"] for kind in plan["measured"]["kinds"]] == [False, True]
    # What holds is the machine's business too; that each formula met a run is ours.
    assert checked == {"time to total outage", "throughput lost", "most workers away at once"}
    assert plan["unfixed"][0]["rate"] == 1.0

    monkeypatch.setattr(verification_run, "SHORTEST_S", 5.0)
    monkeypatch.setattr(verification_run, "LONGEST_S", 5.0)
    monkeypatch.setattr(verification_run, "RESULTS", results)
    code = main(["report", str(directory), "--demand", "20", "--slo-p99", "5s", "--verify"])
    found = json.loads((directory / "capacity.json").read_text())["verification"]
    assert (code, found["met"]) in ((0, True), (3, False))
    assert problems_below(results) == []  # with the plan, its verification and all of their runs
    # Poisson, 100 of them: three standard deviations are 30 %.
    assert found["offered_rps"] == pytest.approx(20, rel=0.5)
    assert (results / "latest").resolve() == directory


def test_somebodys_own_app_under_arrivals_on_a_schedule(
    venv: Callable[[str], object], loadtest: Callable[..., Any], tmp_path: Path
) -> None:
    venv("py312-2.0.30.post1")
    app = tmp_path / "mine.py"
    app.write_text(APP)
    (tmp_path / "beside.py").write_text(BESIDE)
    arguments = (
        f"--stack plain --version py312-2.0.30.post1 --trials 1 --duration 3 --workers 4 --threads 2 --app {app} "
    )
    arguments += (
        "--max-requests 10 --max-requests-delta 3 --min-worker-lifetime 1 --listen 64 --scenario open --rate 60 "
    )
    done = loadtest(*arguments.split(), "--users", "2", "--env", "PAUSE_S=0.01 OTHER='x y'")
    [run] = done.runs
    assert run["status"] == "done", done.said
    assert run["plan"]["rate"] == 60
    ini = read_ini(done.directory / run["run_id"] / "stack.ini")["uwsgi"]
    said = {("threads", "2"), ("max-requests-delta", "3"), ("min-worker-lifetime", "1"), ("listen", "64")}
    assert said | {("env", "PAUSE_S=0.01"), ("env", "OTHER=x y"), ("wsgi-file", str(app))} <= set(ini)
    assert [value for key, value in ini if key == "min-worker-lifetime"] == ["1"]
    # The arrivals are on schedule, however late the machine is. Poisson, about 180 of them: 30 % are four deviations.
    scheduled = pq.read_table(done.directory / run["run_id"] / REQUESTS_FILE)["scheduled_ns"].to_pylist()
    assert len(scheduled) > 60
    assert (len(scheduled) - 1) / (max(scheduled) - min(scheduled)) * 1e9 == pytest.approx(60, rel=0.5)
    assert done.cells[0]["answered_rps"] > 0
