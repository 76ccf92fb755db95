"""The sentences of the advice about a hang: the defect, the threads of the app, the remedies tried, the best remedy."""

from __future__ import annotations

from stacks.catalogue import Defect
from stacks.check.diagnosis import (
    JOINED_AT_EXIT,
    LAZY,
    Findings,
    has_two_defects,
    likely_defect,
    second_defect,
    waits_for_stop,
)
from stacks.check.measurement import Measurement
from stacks.check.options import is_set
from stacks.check.remedy_trial import best_cure
from stacks.lifecycle.counted import counted

# The defect thread-at-fork in a Python without a GIL (Python/pystate.c, stop_the_world).
STOP_AT_FORK = (
    "a Python thread runs in the master when the master forks; the worker does not have this thread, and waits for "
    "ever for it to stop as soon as Python stops all threads (an import, a garbage collection, the exit)"
)


def hang_advice(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    """Return the sentences if workers hang, or a warning if a thread of the app could hang them."""
    if findings.measurement.is_hang:
        return _about_hang(findings, defects)
    if findings.import_threads and not is_set(findings.options, *LAZY):
        return [_about_possible_hang(findings)]
    return []


def _about_hang(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    name = likely_defect(findings)
    sentences = [_about_defect(findings, defects[name]) if name else _about_unknown_defect(findings)]
    if name in ("thread-at-fork", "lock-at-fork", "pool-at-fork", JOINED_AT_EXIT):
        sentences[0] += f" {_describe_threads(findings)}"
    elif has_two_defects(findings):
        second = "Such a thread causes a second deadlock, in every version (unbit/uwsgi#1149)."
        sentences.append(f"{_describe_threads(findings)} {second}")
    if second_defect(findings) not in (None, "thread-at-fork"):
        sentences.append(_about_exits(findings, defects[second_defect(findings) or ""]))
    sentences += [f"{trial.describe()}." for trial in findings.remedy_trials]
    if cure := best_cure(findings.remedy_trials):
        sentences.append(f"Recommended change: {cure.what}.")
    elif name:
        sentences.append(f"Known remedy: {defects[name].remedy}.")
    return sentences


def _about_defect(findings: Findings, defect: Defect) -> str:
    outcome = _describe_outcome(findings.measurement)
    has_no_gil = findings.server.is_free_threaded and not findings.server.pin  # pyuwsgi turns the GIL on
    is_stop = waits_for_stop(findings) or (has_no_gil and defect.name == "thread-at-fork")
    what = STOP_AT_FORK if is_stop else defect.what
    return f"{findings.server.describe()}: {what} ({', '.join(defect.upstream)}). The outcome of this check: {outcome}."


def _about_exits(findings: Findings, defect: Defect) -> str:
    workers = counted(findings.measurement.hung_at_exit, "worker", "workers")
    return f"{workers} hung in another way: {defect.what} ({', '.join(defect.upstream)})."


def _about_unknown_defect(findings: Findings) -> str:
    run = findings.measurement
    return (
        f"{findings.server.describe()}: {_describe_outcome(run)}, and the pack knows no defect that fits. A report to "
        f"uWSGI needs the backtraces in {run.directory}/evidence, and the uwsgi.log beside them."
    )


def _about_possible_hang(findings: Findings) -> str:
    starts = f", on {findings.measurement.starts} starts" if findings.measurement.starts > 1 else ""
    return (
        f"{_describe_threads(findings)} None of {findings.measurement.respawns} respawns hung here{starts}, but a "
        "respawn can hang on every uWSGI version if such a thread holds a lock at the fork (unbit/uwsgi#1149). "
        "lazy-apps = true prevents this hang. py-call-uwsgi-fork-hooks = true prevents it too, except for locks that "
        "Python cannot renew after a fork."
    )


def _describe_outcome(run: Measurement) -> str:
    if run.verdict == "hung_master":
        return "the master hung"
    if run.verdict in ("hung_request", "dead_master", "crash_loop"):
        return run.reason
    on_starts = f", in {run.failed_starts} of {run.starts} starts" if run.starts > 1 else ""
    return f"{run.hung} of {run.trials} workers hung{on_starts}"


def _describe_threads(findings: Findings) -> str:
    if findings.import_threads:
        count, names = len(findings.import_threads), ", ".join(findings.import_threads)
        return f"Your app starts {count} thread{'s' * (count > 1)} at import: {names}."
    return f"The master runs {findings.measurement.master_threads} threads."
