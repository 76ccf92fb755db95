"""Searches for a remedy for workers that do not come back, or leave slowly: tries each that applies, in its own run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stacks.check.check_runs import UNTOLD_GRACE_S, CheckRuns
from stacks.check.diagnosis import Findings, has_two_defects, leaves_threads, may_be_luck
from stacks.check.failure_reasons import explain_unmeasured
from stacks.check.measurement import Measurement, read_log, read_measurement
from stacks.check.remedies import Remedy, remedies, with_partners, with_upgrade
from stacks.check.remedy_trial import RemedyTrial
from stacks.check.upgrade import ERRORS, install_upgrade, newest_pyuwsgi
from stacks.check.ways.recordings import start_s

# A configuration that hangs uses no CPU, and a healthy one mostly waits for its master. But with lazy-apps every worker
# imports the app by itself, so fewer runs of a heavy app take place at once.
AT_ONCE, AT_ONCE_HEAVY = 8, 4
LIGHT_MIB, LIGHT_START_S = 200.0, 1.5  # of all processes of the instance, and until its first worker is ready


def try_remedies(runs: CheckRuns, findings: Findings, private: Path) -> list[RemedyTrial]:
    """Try every remedy that applies, in the order of remedies.toml; combinations of two come last.

    A combination is tried if no single remedy cures. Those with the upgrade are tried as well if there are two defects.
    """
    measurement = findings.measurement
    if not measurement.problem:
        return []
    single = [
        remedy
        for remedy in remedies()
        if remedy.applies(
            measurement.problem, runs.neutral, findings.binary_options, findings.server, measurement.master_threads
        )
    ]
    upgrade = next((remedy for remedy in single if remedy.upgrade), None)
    combined = [with_upgrade(remedy, upgrade) for remedy in single if remedy.set] if upgrade else []
    # With two defects the upgrade cures only one of them, so the combinations are needed in any case.
    first, second = (single + combined, []) if has_two_defects(findings) else (single, combined)
    with runs.pool(runs_at_once(measurement)) as pool:
        trials = list(pool.map(lambda remedy: _try(runs, findings, remedy, private), first))
        if not any(trial.cures for trial in trials):
            # A partner that could not be measured may cure alone.
            measured = {trial.remedy.name for trial in trials if trial.measurement and trial.measurement.is_hang}
            pairs = with_partners(single, measured)
            trials += pool.map(lambda remedy: _try(runs, findings, remedy, private), [*second, *pairs])
    return trials


def runs_at_once(measurement: Measurement) -> int:
    """Return how many remedies are tried at the same time."""
    is_small = measurement.memory_mib is not None and measurement.memory_mib <= LIGHT_MIB
    return AT_ONCE if is_small and start_s(Path(measurement.directory)) <= LIGHT_START_S else AT_ONCE_HEAVY


def _try(runs: CheckRuns, findings: Findings, remedy: Remedy, private: Path) -> RemedyTrial:
    log = "pipe" if findings.measurement.directory.endswith("-piped") else "socket"
    changed = remedy.apply(runs.neutral)
    uwsgi, target = runs.invocation.uwsgi, ""
    if remedy.upgrade:
        target = newest_pyuwsgi()
        try:
            uwsgi = install_upgrade(findings.server, target, findings.options, private)
        except ERRORS as error:
            return RemedyTrial(remedy, None, f"pyuwsgi {target} cannot be installed: {error}")
    plan = runs.plan(log, is_remedy=True)
    tells_stop = not findings.measurement.is_hang  # otherwise the question is whether the workers come back
    if not tells_stop:
        plan["grace_s"] = UNTOLD_GRACE_S
    measurement = read_measurement(runs.execute(f"with-{remedy.name}", changed, uwsgi, plan))
    if not tells_stop:
        measurement = replace(measurement, stop_signal=None, stop_s=None, unstopped=[])
    is_measured = measurement.is_hang or (measurement.verdict == "recovers" and not measurement.error)
    return RemedyTrial(
        remedy,
        measurement,
        "" if is_measured else explain_unmeasured(measurement, read_log(Path(measurement.directory))),
        target,
        leaves_threads(findings, changed.options),
        _luck(findings, measurement),
        None if findings.measurement.is_hang else findings.measurement,
    )


def _luck(findings: Findings, remedied: Measurement) -> str:
    """Return why a run with a remedy proves nothing although no worker hung in it; '' if it proves something."""
    if not may_be_luck(findings, remedied):
        return ""
    run = findings.measurement
    return (
        f"without this change {run.hung_in_request} of {run.hung_in_request + run.respawns} workers hung, so this may "
        "be luck, and the master still has the threads that may hold a lock when it forks"
    )
