"""The sentence of the advice about an instance whose workers come back, and which does not stop when it is asked."""

from __future__ import annotations

from stacks.catalogue import Defect
from stacks.check.diagnosis import JOINED_AT_EXIT, Findings, defect_behind_wait, is_exit_handler
from stacks.check.measurement import SLOW_STOP
from stacks.check.remedy_trial import best_cure
from stacks.check.stop_text import describe_unstopped

# Functions of glibc's malloc that take the lock of an arena (malloc/malloc.c).
ALLOCATION = (
    "malloc",
    "_int_malloc",
    "_int_free",
    "_int_free_chunk",
    "__libc_free",
    "__GI___libc_free",
    "__libc_malloc",
)


def stop_advice(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    """Return the sentence, or nothing if a signal ended the instance or workers hang. `defects` are those by name."""
    run = findings.measurement
    if run.is_hang or run.stop_signal != "KILL" or not run.unstopped:
        return []
    sentence = f"SIGINT did not end the instance within {run.stop_s or 0:.0f} s: {describe_unstopped(run)}."
    starting = sum(process.get("starting", False) for process in run.unstopped)
    if starting:
        some = "1 worker was" if starting == 1 else f"{starting} workers were"
        defect = defects["swallowed-signal"]
        return [
            f"{sentence} {some} still starting when the signal came, and {defect.what} ({', '.join(defect.upstream)}). "
            f"Known remedy: {defect.remedy}."
        ]
    first = run.unstopped[0]
    words = ""
    if first["role"] == "worker":
        words = " ".join(first["frames"])
        sentence += " The master waits for its workers, for the 60 s of worker-reload-mercy if it is not set."
    tried = _about_trials(findings)
    if name := defect_behind_wait(findings, words):
        whose = _threads(findings) if name == JOINED_AT_EXIT else "a thread of its own"
        sentence += f" At its exit the worker waits for the end of {whose}."
        return [sentence, *tried] if tried else [f"{sentence} Known remedy: {defects[name].remedy}."]
    if waits_in_handler(first["frames"]):
        return [
            f"{sentence} uWSGI ends a worker inside its signal handler (end_me, core/uwsgi.c). The signal came while "
            "the worker allocated or freed memory, and its exit waits for ever for the lock that was held then. "
            "skip-atexit = true lets a worker end in this handler without its exit handlers, which need the lock; "
            "skip-atexit-teardown does not help."
        ]
    if is_exit_handler(words):
        sentence += " An exit handler of the app (atexit) waits there."
        skip = (
            "skip-atexit-teardown = true leaves out every exit handler, and what they would have sent or saved is lost."
        )
        return [sentence, *tried] if best_cure(findings.remedy_trials) else [f"{sentence} {skip}", *tried]
    return [f"{sentence} The recordings are in {run.directory}."]


def _about_trials(findings: Findings) -> list[str]:
    """Return the sentences about the remedies that were tried for the stop."""
    if findings.measurement.problem != SLOW_STOP or not findings.remedy_trials:
        return []
    cure = best_cure(findings.remedy_trials)
    sentences = [f"{trial.describe()}." for trial in findings.remedy_trials]
    return [*sentences, f"Recommended change: {cure.what}."] if cure else sentences


def waits_in_handler(frames: list[str]) -> bool:
    """Return True if the exit that a signal handler of uWSGI began waits for the lock of the memory allocation."""
    before_exit = frames[: frames.index("end_me")] if "end_me" in frames else []
    is_lock = any("lll_lock_wait" in name for name in before_exit)
    return is_lock and any(name in ALLOCATION for name in before_exit)


def _threads(findings: Findings) -> str:
    names = ", ".join(findings.import_threads or [])
    text = f"a thread that only the master has ({names})" if names else "a thread that only the master has"
    table = findings.measurement.fork_threads
    if table is not None and table.answered and not table.lost:
        text += "; a worker gets its own with its first request, and this one had answered none"
    return text
