"""Picks the one change of a user's configuration that helps most: findings and ways -> options to set or to remove."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from stacks.catalogue.version_order import is_before
from stacks.check.diagnosis import LAZY, Findings
from stacks.check.known_rates import CURE, partial_defect
from stacks.check.option_advice import (
    WORKER_LIMITS,
    lost_interpreter,
    recommended_delta,
)
from stacks.check.options import is_set
from stacks.check.remedy_trial import best_cure
from stacks.check.upgrade import newest_pyuwsgi
from stacks.check.ways.known_defects import LIFETIME_CUTS
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.way import RELOAD
from stacks.lifecycle.way_results import CAME_BACK

LOST = "No module named 'pyuwsgi'"  # the interpreter outside the venv says it


@dataclass(frozen=True)
class BestChange:
    """One change, as options to set and to remove, or as a package to install; and why."""

    why: str
    set: tuple[tuple[str, str], ...] = ()
    drop: tuple[str, ...] = ()  # options of the user that must go
    package: str = ""  # what pip installs, such as pyuwsgi==2.0.30.post1
    mends: tuple[str, ...] = ()  # the ways that can be taken again to see whether it helps


@dataclass(frozen=True)
class ChangeTrial:
    """A change, and the ways that were taken again with it."""

    change: BestChange
    taken: tuple[TakenWay, ...]

    @property
    def helps(self) -> bool:
        """True if every way came back with the change, and with new code."""
        results = [one.result for one in self.taken]
        return bool(results) and all(result.verdict in CAME_BACK and result.new_code is not False for result in results)

    def as_json(self) -> dict[str, Any]:
        """Return one entry of `tried_changes` in check.json."""
        ways = [
            {
                "name": one.way.name,
                "verdict": one.result.verdict,
                "new_code": one.result.new_code,
                "directory": str(one.directory) if one.directory else None,
            }
            for one in self.taken
        ]
        return {"set": [list(pair) for pair in self.change.set], "helps": self.helps, "ways": ways}

    def describe(self) -> str:
        """Return what came of the ways, as the end of a sentence."""
        names = ", ".join(one.way.name for one in self.taken)
        return f"tried: with the change {names} {'comes' if len(self.taken) == 1 else 'come'} back"


def best_change(findings: Findings, ways: Sequence[TakenWay], trials: Sequence[ChangeTrial] = ()) -> BestChange | None:
    """Return the first change that applies, or None. What makes workers come back counts before what costs less.

    A change is left out if one of the `trials` shows that it does not help.
    """
    for change in changes(findings, ways):
        trial = next((trial for trial in trials if trial.change == change), None)
        if trial is None:
            return change
        if trial.helps:
            return replace(change, why=f"{change.why}; {trial.describe()}")
    return None


def changes(findings: Findings, ways: Sequence[TakenWay]) -> Iterable[BestChange]:
    """Yield every change that applies, the most important first."""
    failing = [taken for taken in ways if taken.result.fails]
    return (change for change in _changes(findings, ways, failing) if change is not None)


def _changes(findings: Findings, ways: Sequence[TakenWay], failing: Sequence[TakenWay]) -> Iterable[BestChange | None]:
    yield _cure(findings)
    yield _binary_path(findings, failing)
    yield _upgrade_for_reloads(findings, failing)
    if failing:  # an improvement would hide that no cure is known
        return
    yield _exit_stall(findings)
    yield _cut_requests(findings, ways)
    yield _new_code(findings, ways)
    yield _master(findings)
    yield _die_on_term(findings, ways)
    yield _delta(findings)


def _cure(findings: Findings) -> BestChange | None:
    cure = best_cure(findings.remedy_trials)
    if cure is None:
        return None
    remedy = cure.remedy
    there = {key for key, _ in findings.options}
    package = f"pyuwsgi=={cure.target}" if remedy.upgrade and cure.target else ""
    drop = tuple(name for name in remedy.drop if name in there)
    return BestChange(cure.describe(), remedy.set, drop, package)


def _binary_path(findings: Findings, failing: Sequence[TakenWay]) -> BestChange | None:
    python = lost_interpreter(findings)
    died = [
        taken.way.name for taken in failing if taken.result.verdict == "dead_master" and LOST in taken.result.reason
    ]
    if python is None or not died:
        return None
    why = f"{', '.join(died)}: the reload of a pyuwsgi in a venv executes the Python outside it (unbit/uwsgi#2478)"
    return BestChange(why, (("binary-path", str(python)),), mends=tuple(died))


def _upgrade_for_reloads(findings: Findings, failing: Sequence[TakenWay]) -> BestChange | None:
    server = findings.server
    is_frozen = any(taken.way.kind == RELOAD and taken.result.verdict == "hung_master" for taken in failing)
    is_affected = not is_before(server.version, "2.0.27") and is_before(server.version, "2.0.28")
    if not (is_frozen and is_affected and server.pin):
        return None
    return BestChange("uWSGI 2.0.27 freezes at each reload (unbit/uwsgi#2689)", package=f"pyuwsgi=={newest_pyuwsgi()}")


def _exit_stall(findings: Findings) -> BestChange | None:
    if partial_defect(findings.server.version, findings.options) is None:
        return None
    why = "uWSGI before 2.0.25 with threads: a worker may wait for itself at its exit, for a minute (unbit/uwsgi#2480)"
    if findings.server.pin:
        return BestChange(why, package=f"pyuwsgi=={newest_pyuwsgi()}")
    return BestChange(f"{why}; uWSGI 2.0.28 cures it as well", ((CURE, "true"),))


def _cut_requests(findings: Findings, ways: Sequence[TakenWay]) -> BestChange | None:
    if all(taken.cause != LIFETIME_CUTS for taken in ways):
        return None
    why = "max-worker-lifetime: before 2.0.25 a worker cuts off the requests of its other threads"
    if findings.server.pin:
        return BestChange(f"{why} (unbit/uwsgi-docs#410)", package=f"pyuwsgi=={newest_pyuwsgi()}")
    return BestChange(f"{why}; uWSGI 2.0.28 cures it as well (unbit/uwsgi-docs#410)", (("threads", "1"),))


def _new_code(findings: Findings, ways: Sequence[TakenWay]) -> BestChange | None:
    old = [taken.way.name for taken in ways if taken.result.new_code is False and taken.way.option]
    if not old or is_set(findings.options, *LAZY):
        return None
    why = f"{', '.join(old)}: new workers serve the old code, which the master has loaded; with lazy-apps each loads it"
    return BestChange(why, (("lazy-apps", "true"),), mends=tuple(old))


def _master(findings: Findings) -> BestChange | None:
    if is_set(findings.options, "master"):
        return None
    event = "reaches its limit" if is_set(findings.options, *WORKER_LIMITS) else "dies"
    return BestChange(f"without a master, nothing replaces a worker that {event}", (("master", "true"),))


def _die_on_term(findings: Findings, ways: Sequence[TakenWay]) -> BestChange | None:
    if not any(taken.way.name == "term" and taken.way.kind == RELOAD for taken in ways):
        return None
    why = "SIGTERM, which containers and systemd send, reloads the instance and does not stop it"
    return BestChange(why, (("die-on-term", "true"),))


def _delta(findings: Findings) -> BestChange | None:
    delta = recommended_delta(findings)
    if not delta:
        return None
    why = "workers that start together reach max-requests together, and are away together for up to a second"
    return BestChange(why, (("max-requests-delta", delta),))
