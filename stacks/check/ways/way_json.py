"""The ways in check.json and as the test cases of JUnit."""

from __future__ import annotations

from typing import Any

from stacks.check.junit import Case
from stacks.check.ways.taken import TakenWay


def way_json(taken: TakenWay) -> dict[str, Any]:
    """Return one entry of `ways` in check.json."""
    way, result = taken.way, taken.result
    return {
        "name": way.name,
        "kind": way.kind,
        "what": way.what,
        "option": way.option or None,
        "verdict": result.verdict,
        "reason": result.reason,
        "evidence": result.evidence,
        "cause": taken.cause,
        "times": result.times,
        "replaced": result.replaced,
        "ended_s": result.ended_s,
        "nothing_s": result.nothing_s,
        "less_s": result.less_s,
        "requests": result.requests,
        "lost": result.lost,
        "new_code": result.new_code,
        "directory": str(taken.directory) if taken.directory else None,
    }


def way_case(taken: TakenWay) -> Case:
    """Return the test case of a way: failed, without a verdict, or not taken."""
    result, name = taken.result, f"comes back: {taken.way.name}"
    if result.fails:
        return Case(name, failure=f"{result.verdict}: {result.reason}\n{result.evidence or ''}")
    if result.verdict == "invalid":
        return Case(name, error=result.reason)
    return Case(name, skipped=result.reason if result.verdict == "not_taken" else None)
