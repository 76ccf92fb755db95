"""Builds servers, measurements, findings and remedies for the tests of the check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stacks.check.diagnosis import Findings
from stacks.check.measurement import Measurement
from stacks.check.remedies import Remedy, remedies
from stacks.check.server import Server
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.way import RECYCLE, RELOAD, STOP, Way
from stacks.lifecycle.way_results import WayResult

KNOWN = frozenset("enable-threads lazy-apps py-call-uwsgi-fork-hooks skip-atexit-teardown max-requests-delta".split())
MASTER = [("master", "true"), ("die-on-term", "true")]
HEALTHY = Measurement("results/x", "recovers", "12 of 12", None, None, 12, 0, 0, 0.9, 1.0, 60)
HUNG = replace(HEALTHY, verdict="hung_worker", hung=4, respawns=0, recycle_median_s=None, reason="4 workers hung")


def server(pin: str | None = "2.0.26", python: str = "3.12.1", version: str = "2.0.31") -> Server:
    """Return a pyuwsgi of version `pin`, or the standalone uWSGI of `version` if `pin` is None."""
    return Server(Path("/v/bin/uwsgi"), pin or version, pin, python, None)


def findings(
    measurement: Measurement = HEALTHY, *options: tuple[str, str], pin: str | None = "2.0.26", **more: object
) -> Findings:
    """Return the findings about a configuration with a master, die-on-term and these `options`."""
    python, version = str(more.pop("python", "3.12.1")), str(more.pop("version", "2.0.31"))
    return Findings(server(pin, python, version), [*MASTER, *options], KNOWN, [], measurement, **more)  # type: ignore[arg-type]


def remedy(name: str) -> Remedy:
    """Return the remedy of remedies.toml with this name."""
    return next(remedy for remedy in remedies() if remedy.name == name)


def taken(name: str, verdict: str = "recovers", reason: str = "", kind: str = RELOAD, **more: object) -> TakenWay:
    """Return a way that was taken, with its verdict. `more` are further fields of its result."""
    return TakenWay(Way(name, kind, f"what {name} does"), WayResult(verdict, reason, **more), Path("results/x"))  # type: ignore[arg-type]


def recycled(measurement: Measurement) -> TakenWay:
    """Return the recycle at max-requests that `measurement` has measured."""
    return taken("max-requests", measurement.verdict, measurement.reason, RECYCLE)


def stopped(name: str, verdict: str = "recovers", **more: object) -> TakenWay:
    """Return a stop that was taken."""
    return taken(name, verdict, str(more.pop("reason", "")), STOP, **more)
