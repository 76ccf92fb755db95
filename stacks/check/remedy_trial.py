"""The trial of one remedy: what was measured with it, whether it cures, and one line about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stacks.check.measurement import LOST_REQUESTS, SLOW_STOP, Measurement
from stacks.check.remedies import Remedy
from stacks.check.stop_text import describe_stop_signal
from stacks.lifecycle.recycle_time import SLOW_S

# An exit that waits in vain for a thread takes as long as that thread's patience, 30 s in the SDK of OpenTelemetry, and
# less than a second without the wait. A busy machine makes the second slower, not the first. Less than twice as quick
# may be chance.
QUICKER, MUCH_QUICKER = 2.0, 5.0


@dataclass(frozen=True)
class RemedyTrial:
    """The result of a run with a remedy."""

    remedy: Remedy
    measurement: Measurement | None  # None if the remedy could not be tried
    why_unknown: str = ""  # why the remedy could not be tried, or why its run has no verdict
    target: str = ""  # the pyuwsgi version of an upgrade
    leaves_threads: bool = False  # of the app in the master, which may hold the GIL at any fork (unbit/uwsgi#1149)
    luck: str = ""  # why a run without a hang proves nothing, if that is so
    before: Measurement | None = None  # the run without the remedy if no worker hangs in it

    @property
    def what(self) -> str:
        """The change in words, with the version of an upgrade."""
        return f"{self.remedy.what} to {self.target}" if self.target else self.remedy.what

    @property
    def cures(self) -> bool:
        """True if every worker came back, in time, and no thread of the app is left that can hang a later fork."""
        run = self.measurement
        if run is None or run.verdict != "recovers" or self.leaves_threads or self.luck:
            return False
        if self.before is None:
            return True
        if self.before.problem == SLOW_STOP:
            return run.stop_signal == "INT"
        if self.before.problem == LOST_REQUESTS:
            return not run.all_lost
        # A recycle as a whole may be slow for another reason, such as the import of the app with lazy-apps.
        if not run.recycle_phases_s:
            return False
        exit_s, before_s = run.recycle_phases_s["exit"], self.before.recycle_phases_s.get("exit", 0.0)
        return exit_s <= before_s / QUICKER and (exit_s < SLOW_S or exit_s <= before_s / MUCH_QUICKER)

    def describe(self) -> str:
        """Return one line: whether the remedy helps, and what a recycle costs with it."""
        run = self.measurement
        if run is None:
            return f"{self.what}: not tried, because {self.why_unknown}"
        if not run.is_hang and run.verdict != "recovers":
            why = self.why_unknown or run.reason
            return f"{self.what}: not measured. {why[:1].upper()}{why[1:]}".rstrip(".")
        return f"{self.what}: {self._outcome(run)}"

    def _outcome(self, run: Measurement) -> str:
        if run.is_hang:
            return self._hang(run)
        if self.before is not None:
            return self._comparison(run, self.before)
        if self.cures:
            return f"cures the problem, 0 of {run.trials} workers hung ({_cost(run)})"
        why = self.luck or "the threads of your app still run in the master, and can hang a worker at any fork"
        return f"no cure, although 0 of {run.trials} workers hung here: {why}"

    def _hang(self, run: Measurement) -> str:
        if run.verdict == "hung_master":
            return "does not help, the master itself hangs"
        if run.verdict in ("hung_request", "dead_master", "crash_loop"):
            return f"does not help, {run.reason}"
        if run.verdict == "hung_worker" and run.verdict not in self.remedy.verdicts:
            return f"moves the hang to the fork, {run.hung} of {run.trials} workers hung there"
        return f"does not help, {run.hung} of {run.trials} workers hung"

    def _comparison(self, run: Measurement, before: Measurement) -> str:
        texts = [] if self.cures else ["does not help"]
        if before.problem == LOST_REQUESTS:
            if run.all_lost and (run.recycle_median_s or 0.0) >= SLOW_S:
                return f"not measured, because requests time out while a recycle takes {run.recycle_median_s:.1f} s"
            lost, without = (f"{one.all_lost} of {one.requests}" for one in (run, before))
            return ", and ".join([*texts, f"{lost} requests are lost, without it {without} ({_cost(run)})"])
        if before.problem != SLOW_STOP:
            if not (run.recycle_phases_s and before.recycle_phases_s):
                return "not measured, because no worker recycled"
            exit_s, before_s = (one.recycle_phases_s["exit"] for one in (run, before))
            whole = f"a whole recycle {run.recycle_median_s or 0.0:.1f} s, n = {run.respawns}"
            texts.append(f"an exit takes {exit_s:.1f} s, without it {before_s:.1f} s ({whole})")
        if run.stop_signal and run.stop_s is not None:
            texts.append(describe_stop_signal(run))
        return ", and ".join(texts)


def best_cure(trials: Sequence[RemedyTrial]) -> RemedyTrial | None:
    """Return the upgrade if it cures, otherwise the first cure in the order of remedies.toml; None without a cure."""
    cures = [trial for trial in trials if trial.cures]
    return next((trial for trial in cures if trial.remedy.upgrade), cures[0] if cures else None)


def _cost(run: Measurement) -> str:
    time = f"{run.recycle_median_s:.2f} s a recycle" if run.recycle_median_s is not None else "recycle not timed"
    return time + (f", {run.memory_mib:.0f} MiB of memory in total" if run.memory_mib else "")
