"""Refuses results from which no capacity plan can be made, with the reason and what to do."""

from __future__ import annotations

from analysis.frames.results import Results
from stacks.lifecycle.records import RecordError
from stacks.lifecycle.verdict import VERDICTS


def refuse(results: Results) -> None:
    """Raise RecordError if no run ended, if a verdict is unknown, or if every run is invalid and answered nothing."""
    counted = results.counted
    if counted.empty:
        states = results.runs["status"].value_counts().to_dict()
        what = ", ".join(f"{count} {state}" for state, count in states.items()) or "no run"
        left_out = f"; left out: {'; '.join(why for _, why in results.left_out)}" if results.left_out else ""
        where = ", ".join(str(path) for path in results.paths)
        raise RecordError(
            f"{where}: no run came to its end ({what}){left_out}. "
            "`make loadtest` makes runs; RESULTS= names other results."
        )
    unknown = sorted(set(counted["verdict"]) - set(VERDICTS))
    if unknown:
        raise RecordError(f"this version of the pack does not know the verdict {', '.join(map(str, unknown))}.")
    if (counted["verdict"] == "invalid").all() and not counted["respawns"].sum() and not counted["answered"].sum():
        raise RecordError(f"all {len(counted)} runs are invalid: {counted['reason'].iloc[0]}")
