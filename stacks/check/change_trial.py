"""Tries the change that helps most: takes the ways again that it should mend, on a copy with the change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stacks.check.best_change import BestChange, ChangeTrial, changes
from stacks.check.diagnosis import Findings
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.recycling import Preparation
from stacks.check.ways.taken import TakenWay, worst_first
from stacks.check.ways.taking import WayTaker

MOST_WAYS = 3  # what mends one of them mends the others, and each takes 2 to 3 s


def try_changes(findings: Findings, taken: Sequence[TakenWay], taker: WayTaker) -> list[ChangeTrial]:
    """Try the changes in their order, up to the first that helps, or that cannot be tried here."""
    trials: list[ChangeTrial] = []
    for change in changes(findings, worst_first(taken)):
        if not change.mends or (trials and trials[-1].helps):
            break
        trials.append(_try(change, taken, taker))
    return trials


def _try(change: BestChange, taken: Sequence[TakenWay], taker: WayTaker) -> ChangeTrial:
    def with_change(prepare: Preparation) -> NeutralConfiguration:
        neutral = taker.neutralise(prepare)
        why = "it is tried whether this change helps"
        for option, value in change.set:
            neutral.set_option(option, value, why)
        neutral.drop_options(change.drop, why)
        return neutral

    name = "-".join(option for option, _ in change.set)
    ways = [one.way for one in taken if one.way.name in change.mends]
    ways.sort(key=lambda way: not way.option)  # those that the user has switched on come first
    changed = replace(taker, neutralise=with_change, label=f"with-{name}", deep=False)
    return ChangeTrial(change, tuple(changed.take(ways[:MOST_WAYS])))
