"""The trial of one remedy: what was measured with it, whether it cures, and one line about it."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.check.measurement import Measurement
from stacks.check.remedies import Remedy


@dataclass(frozen=True)
class RemedyTrial:
    """The result of a run with a remedy."""

    remedy: Remedy
    measurement: Measurement | None  # None if the remedy could not be tried
    why_not_tried: str = ""
    target: str = ""  # the pyuwsgi version of an upgrade
    leaves_threads: bool = False  # of the app in the master, which may hold the GIL at any fork (unbit/uwsgi#1149)

    @property
    def what(self) -> str:
        """The change in words, with the version of an upgrade."""
        return f"{self.remedy.what} to {self.target}" if self.target else self.remedy.what

    @property
    def cures(self) -> bool:
        """True if every worker came back, and no thread of the app is left that can hang a later fork."""
        return self.measurement is not None and self.measurement.verdict == "recovers" and not self.leaves_threads

    def describe(self) -> str:
        """Return one line: whether the remedy helps, and what a recycle costs with it."""
        if self.measurement is None:
            return f"{self.what}: not tried, because {self.why_not_tried}"
        run = self.measurement
        if self.cures:
            time = (
                f"{run.recycle_median_s:.2f} s a recycle" if run.recycle_median_s is not None else "recycle not timed"
            )
            memory = f", {run.memory_mib:.0f} MiB of memory in total" if run.memory_mib else ""
            return f"{self.what}: cures the problem, 0 of {run.trials} workers hung ({time}{memory})"
        if run.verdict == "recovers":
            return (
                f"{self.what}: no cure, although 0 of {run.trials} workers hung here: "
                "the threads of your app still run in the master, and can hang a worker at any fork"
            )
        if not run.is_hang:
            return f"{self.what}: not measured: {(run.error or run.reason).rstrip('.')}"
        if run.verdict == "hung_master":
            return f"{self.what}: does not help, the master itself hangs"
        if run.verdict in ("hung_request", "dead_master"):
            return f"{self.what}: does not help, {run.reason}"
        if run.verdict == "crash_loop":
            return f"{self.what}: does not help, {run.crashed} workers died before they were ready"
        if run.verdict == "hung_worker" and run.verdict not in self.remedy.verdicts:
            return f"{self.what}: moves the hang to the fork, {run.hung} of {run.trials} workers hung there"
        return f"{self.what}: does not help, {run.hung} of {run.trials} workers hung"
