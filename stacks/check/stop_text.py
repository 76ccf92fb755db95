"""Says how a checked instance was stopped, and which processes did not end when they were asked."""

from __future__ import annotations

from stacks.check.measurement import Measurement
from stacks.lifecycle.backtraces import informative_frames


def describe_stop(run: Measurement) -> str:
    """Return which signal ended the instance, how long that took, and what a signal did not end."""
    if run.stop_s is None:
        return "not measured"
    if not run.stop_signal:
        return "not needed"
    text = describe_stop_signal(run)
    return f"{text}: {describe_unstopped(run)}" if run.stop_signal == "KILL" and run.unstopped else text


def describe_stop_signal(run: Measurement) -> str:
    """Return which signal ended the instance, and after which time."""
    if run.stop_signal == "KILL":
        return f"only SIGKILL ended the instance, {run.stop_s:.1f} s after the first signal"
    return f"SIG{run.stop_signal} ended the instance after {run.stop_s:.1f} s"


def describe_unstopped(run: Measurement) -> str:
    """Return which processes had not ended before SIGKILL, and what the first of them waited for."""
    workers = sum(process["role"] == "worker" for process in run.unstopped)
    masters = len(run.unstopped) - workers
    names = [f"{workers} worker{'s' * (workers > 1)}"] if workers else []
    names += ["the master"] if masters else []
    first = run.unstopped[0]
    one = f"a {first['role']}" if workers > 1 else f"the {first['role']}"
    place = " <- ".join(informative_frames(first["frames"])) or ", ".join(sorted(set(first["waits"])))
    return f"{' and '.join(names)} had not ended" + (f", and {one} waited in {place}" if place else "")
