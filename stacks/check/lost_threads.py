"""What a check says of the threads that the fork loses: which they are, and how many come back with each remedy."""

from __future__ import annotations

from typing import Any

from stacks.check.diagnosis import Findings
from stacks.lifecycle.lost_threads import come_back, lost_sentence


def lost_threads_text(findings: Findings) -> str:
    """Return the sentences; '' if no thread is lost."""
    sentence = lost_sentence(findings.measurement.fork_threads)
    if not sentence:
        return ""
    tried = _come_back(findings)
    parts = [f"{sentence}."]
    if not any("lazy-apps" in what for what, _, _ in tried):
        parts.append("With lazy-apps each worker has its own.")
    parts += [f"With {what} {_count(back, lost)}." for what, back, lost in tried]
    return " ".join(parts)


def lost_threads_json(findings: Findings) -> dict[str, Any] | None:
    """Return the same for check.json; None if no thread is lost."""
    said = lost_threads_text(findings)
    if not said:
        return None
    back = [{"what": what, "come_back": back, "lost": lost} for what, back, lost in _come_back(findings)]
    return {"said": said, "remedies": back}


def _come_back(findings: Findings) -> list[tuple[str, int, int]]:
    """The change, how many of the lost threads come back with it, and how many are lost, of each remedy tried.

    Combinations of two remedies are left out: each of the two has its own line.
    """
    table = findings.measurement.fork_threads
    trials = [trial for trial in findings.remedy_trials if trial.measurement and "+" not in trial.remedy.name]
    counts = [(trial.what, come_back(table, trial.measurement.fork_threads)) for trial in trials if trial.measurement]
    return [(what, *count) for what, count in counts if count is not None]


def _count(back: int, lost: int) -> str:
    if lost == 1:
        return "it comes back" if back else "it does not come back"
    return f"{back or 'none'} of {lost} {'comes' if back == 1 else 'come'} back"
