"""Decides when the runs of a campaign may start, and when their load may begin.

Most runs hardly use the machine, because they wait for the 1 s loop of their master. So two of them may have their load
at the same time, each in a lane of its own. A run whose workers use the CPU all the time has its load alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from stacks.campaign.campaign import LOADTEST, MATRIX, Campaign
from stacks.run.run_process import RunProcess

LIGHT_SCENARIO = "steady"
# A stack that settles or is being stopped hardly uses the machine, so the next run starts meanwhile. But it does not
# start beside more of them than this for each lane.
MOST_STOPPING = 2


def lane_count(campaign: Campaign) -> int:
    """Return how many runs may have their load at the same time.

    Only the stacks of the default plan, with their own apps and with steady load, were measured side by side.
    """
    options, plan = campaign.options, campaign.plan
    if options.lanes is not None:
        return options.lanes
    is_default_load = plan.scenario == LIGHT_SCENARIO and not (options.app or options.rate or options.users)
    are_light = all(cell.stack.name in plan.matrix and not cell.overrides for cell in campaign.cells)
    if campaign.kind not in (LOADTEST, MATRIX) or campaign.external or not is_default_load or not are_light:
        return 1
    return max(1, min(plan.lanes, len(os.sched_getaffinity(0))))


class Lanes:
    """The rules for `count` lanes. `alone` are the indexes of the cells whose runs have no load beside them."""

    def __init__(self, count: int, alone: frozenset[int]) -> None:
        self.count = count
        self._alone = alone

    def has_room(self, active: Sequence[RunProcess], index: int) -> bool:
        """Return True if a run of the cell `index` may start beside the active ones.

        With several lanes one run more than there are lanes starts, and waits, so that no lane is ever empty.
        """
        busy = [run for run in active if not run.load_is_over]
        if len(active) - len(busy) > MOST_STOPPING * self.count:
            return False
        if not busy or self.count == 1:
            return not busy
        has_alone = index in self._alone or any(run.index in self._alone for run in busy)
        return not has_alone and len(busy) <= self.count

    def next_turns(self, active: Sequence[RunProcess]) -> list[RunProcess]:
        """Return the waiting runs whose load may begin now, in the order in which they started.

        With several lanes a run that settles leaves its lane: its workers only wait for their master. But no load
        begins beside it if one of the two must be alone.
        """
        unjudged = [run for run in active if run.has_turn and not run.has_verdict]
        turns: list[RunProcess] = []
        for run in active:
            if run.phase != "waiting" or run.has_turn:
                continue
            beside = unjudged + turns
            has_alone = run.index in self._alone or any(other.index in self._alone for other in beside)
            if not has_alone and self.count > 1:
                beside = [other for other in beside if not other.load_is_over]
            if len(beside) >= (1 if has_alone else self.count):
                break
            turns.append(run)
        return turns
