"""The sentence of the advice about an instance whose workers come back, and which does not stop when it is asked."""

from __future__ import annotations

from stacks.catalogue import Defect
from stacks.check.diagnosis import JOINED_AT_EXIT, Findings, defect_at_stop
from stacks.check.stop_text import describe_unstopped


def stop_advice(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    """Return the sentence, or nothing if a signal ended the instance or workers hang. `defects` are those by name."""
    run = findings.measurement
    if run.is_hang or run.stop_signal != "KILL" or not run.unstopped:
        return []
    sentence = f"SIGINT did not end the instance within {run.stop_s or 0:.0f} s: {describe_unstopped(run)}."
    if run.unstopped[0]["role"] == "worker":
        sentence += " The master waits for its workers, for the 60 s of worker-reload-mercy if it is not set."
    name = defect_at_stop(findings)
    if name is None:
        return [f"{sentence} The backtrace is in {run.directory}/evidence."]
    whose = _threads(findings) if name == JOINED_AT_EXIT else "a thread of the worker"
    return [f"{sentence} At its exit a worker waits for the end of {whose}. Known remedy: {defects[name].remedy}."]


def _threads(findings: Findings) -> str:
    names = ", ".join(findings.import_threads or [])
    return f"a thread that only the master has ({names})" if names else "a thread that only the master has"
