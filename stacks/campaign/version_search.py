"""A binary search for the place at which a judgement changes, in a row whose members may be impossible to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

GOOD, BAD, UNKNOWN = "good", "bad", "cannot tell"  # judgements


@dataclass
class Search:
    """A search over the positions 0 .. count-1. It judges both ends first, and no position twice."""

    count: int
    judge: Callable[[int], str]  # position -> judgement
    judged: dict[int, str] = field(default_factory=dict)  # position -> judgement, for the positions judged so far

    def judgement(self, position: int) -> str:
        """Return the judgement of a position. Calls `judge` only the first time."""
        if position not in self.judged:
            self.judged[position] = self.judge(position)
        return self.judged[position]

    def run(self) -> tuple[int, int] | None:
        """Return the two neighbours between which the judgement changes.

        None if both ends have the same judgement, or if no position can be judged. The search steps over positions that
        cannot be judged, as `git bisect skip` does, so the two may be more than one apart.
        """
        low = next((i for i in range(self.count) if self.judgement(i) != UNKNOWN), None)
        high = next((i for i in reversed(range(self.count)) if self.judgement(i) != UNKNOWN), None)
        if low is None or high is None or self.judgement(low) == self.judgement(high):
            return None
        while between := [i for i in range(low + 1, high) if self.judged.get(i) != UNKNOWN]:
            middle = between[len(between) // 2]
            judgement = self.judgement(middle)
            if judgement == self.judgement(low):
                low = middle
            elif judgement != UNKNOWN:
                high = middle
        return low, high
