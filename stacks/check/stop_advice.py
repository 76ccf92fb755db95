"""The sentence of the advice about an instance whose workers come back, and which does not stop when it is asked."""

from __future__ import annotations

from stacks.catalogue import Defect
from stacks.check.diagnosis import JOINED_AT_EXIT, Findings, defect_behind_wait, is_exit_handler
from stacks.check.stop_text import describe_unstopped


def stop_advice(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    """Return the sentence, or nothing if a signal ended the instance or workers hang. `defects` are those by name."""
    run = findings.measurement
    if run.is_hang or run.stop_signal != "KILL" or not run.unstopped:
        return []
    sentence = f"SIGINT did not end the instance within {run.stop_s or 0:.0f} s: {describe_unstopped(run)}."
    first = run.unstopped[0]
    if first["role"] == "worker":
        sentence += " The master waits for its workers, for the 60 s of worker-reload-mercy if it is not set."
    words = " ".join(first["frames"]) if first["role"] == "worker" else ""
    if name := defect_behind_wait(findings, words):
        whose = _threads(findings) if name == JOINED_AT_EXIT else "a thread of its own"
        return [
            f"{sentence} At its exit the worker waits for the end of {whose}. Known remedy: {defects[name].remedy}."
        ]
    if is_exit_handler(words):
        return [
            f"{sentence} An exit handler of the app (atexit) waits there. skip-atexit-teardown = true leaves out every "
            "exit handler, and what they would have sent or saved is lost."
        ]
    return [f"{sentence} The recordings are in {run.directory}."]


def _threads(findings: Findings) -> str:
    names = ", ".join(findings.import_threads or [])
    return f"a thread that only the master has ({names})" if names else "a thread that only the master has"
