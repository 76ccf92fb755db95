"""The advice about workers that come back slowly: the phase that takes the time, and the remedies that were tried."""

from __future__ import annotations

from stacks.check.diagnosis import Findings
from stacks.check.failure_reasons import describe_slow_recycle, explain_slow_recycle
from stacks.check.measurement import SLOW_EXIT
from stacks.check.remedy_trial import best_cure
from stacks.lifecycle.recycle_time import SLOW_S


def slow_advice(findings: Findings) -> list[str]:
    """Return the sentences, or nothing if a recycle is quick or workers hang."""
    run, trials = findings.measurement, findings.remedy_trials
    if run.is_hang or (run.recycle_median_s or 0.0) < SLOW_S:
        return []
    if not trials or run.problem != SLOW_EXIT:
        return [explain_slow_recycle(run)]
    cure = best_cure(trials)
    change = f"Recommended change: {cure.what}." if cure else "Shorten what the app does at its exit (atexit)."
    return [describe_slow_recycle(run), *(f"{trial.describe()}." for trial in trials), change]
