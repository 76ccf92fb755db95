"""A way with what came of it, and the order in which the ways are told: the worst first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from stacks.check.ways.way import Way
from stacks.lifecycle.way_results import WAY_VERDICTS, WayResult


@dataclass(frozen=True)
class TakenWay:
    """A way and its result. `directory` has the recordings; it is None for a way that was not taken."""

    way: Way
    result: WayResult
    directory: Path | None = None
    cause: str | None = None  # the name of the defect in versions.toml that explains the result, if no worker hangs


def not_taken(way: Way, why: str) -> TakenWay:
    """Return the result of a way that cannot be taken here."""
    return TakenWay(way, WayResult("not_taken", why, times=0))


def merged(parts: list[TakenWay]) -> TakenWay:
    """Return one result for a way that was taken several times: the worst verdict, the sums, and the longest times."""
    worst = min(parts, key=_severity)
    results = [part.result for part in parts]
    lost: dict[str, int] = {}
    for result in results:
        for kind, count in result.lost.items():
            lost[kind] = lost.get(kind, 0) + count
    new_code = [result.new_code for result in results if result.new_code is not None]
    result = replace(
        worst.result,
        times=sum(result.times for result in results),
        replaced=sum(result.replaced for result in results),
        ended_s=max((r.ended_s for r in results if r.ended_s is not None), default=None),
        nothing_s=max(result.nothing_s for result in results),
        less_s=max((r.less_s for r in results if r.less_s is not None), default=None),
        requests=sum(result.requests for result in results),
        lost=lost,
        new_code=all(new_code) if new_code else None,
    )
    return replace(worst, result=result)


def worst_first(ways: Iterable[TakenWay]) -> list[TakenWay]:
    """Return the ways by verdict, and among those with one verdict the longest outage and the most losses first."""
    return sorted(ways, key=lambda taken: (*_severity(taken), -sum(taken.result.lost.values())))


def _severity(taken: TakenWay) -> tuple[int, float]:
    return WAY_VERDICTS.index(taken.result.verdict), -taken.result.nothing_s
