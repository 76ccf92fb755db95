"""The steps of `bisect` as data, as a table, and as the sentence that answers the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from stacks.campaign.version_search import BAD, GOOD, UNKNOWN
from stacks.catalogue import Version
from stacks.lifecycle.rates import highest_rate_without_hang, tally

JUDGEMENTS = {"recovers": GOOD, "throttled": GOOD, "invalid": UNKNOWN}  # every other verdict is bad


def judgement(record: dict[str, Any]) -> str:
    """Return GOOD, BAD or UNKNOWN for a run.json."""
    return JUDGEMENTS.get(record["verdict"], BAD) if record["status"] == "done" else UNKNOWN


def step(version: Version, record: dict[str, Any]) -> dict[str, Any]:
    """Return one step of the search: a version, what its run says, and the hang rate that it rules out at 95 %."""
    hung, trials = tally(record.get("counts") or {})
    ruled_out = None if hung else highest_rate_without_hang(trials)
    return {
        "version": version.id,
        "judgement": judgement(record),
        "verdict": record["verdict"],
        "hung": hung,
        "trials": trials,
        "ruled_out": None if ruled_out is None else round(ruled_out, 4),
        "evidence": record["evidence"],
        "reason": record["error"] or record["reason"],
        "run": record["run_id"],
    }


def table(steps: Sequence[dict[str, Any]]) -> Table:
    """Return the steps as a table, in the order in which they were made."""
    rows = Table(box=None, pad_edge=False)
    for title in ("step", "version", "", "verdict", "hung of", "evidence"):
        rows.add_column(title)
    for number, row in enumerate(steps, start=1):
        style = {GOOD: "green", BAD: "red"}.get(row["judgement"], "yellow")
        rate = f"{row['hung']} of {row['trials']}"
        if row["ruled_out"] is not None:
            rate += f", max. {row['ruled_out']:.0%}"
        why = row["evidence"] or ("" if row["judgement"] == GOOD else row["reason"])
        word = f"[{style}]{row['judgement']}[/]"
        rows.add_row(str(number), row["version"], word, row["verdict"] or "-", rate, why)
    return rows


def answer(stack: str, versions: Sequence[Version], judged: dict[int, str], change: tuple[int, int] | None) -> str:
    """Return the result of a search over `versions` in a sentence.

    `judged` has the judgements by position, `change` the two positions between which the judgement changes.
    """
    if change is None:
        words = {word for word in judged.values() if word != UNKNOWN}
        if not words:
            return f"{stack}: no version could be judged."
        return f"{stack}: {words.pop()} at both ends ({versions[0].id} and {versions[-1].id}), so there is no change."
    low, high = change
    skipped = f"; {high - low - 1} between them could not be told" if high - low > 1 else ""
    old, new = versions[low].id, versions[high].id
    if judged[low] == BAD:
        return f"{stack}: last bad {old}, first good {new}{skipped}."
    return f"{stack}: last good {old}, first bad {new}{skipped}."
