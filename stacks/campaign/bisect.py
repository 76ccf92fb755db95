"""`bisect`: the version at which a stack changes between good and bad, by binary search with real runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from stacks import catalogue
from stacks.campaign.campaign import SEARCH, Campaign
from stacks.campaign.plan import Asked, plan
from stacks.campaign.progress import Progress, make_environments
from stacks.catalogue import Catalogue, UsageError, Version
from stacks.lifecycle.rates import highest_rate_without_hang, respawns_to_rule_out, tally
from stacks.lifecycle.records import SCHEMA, write_json

DEFAULT_STACK, DEFAULT_FIXED = "threads", "3.12"
RULED_OUT = 0.10  # a hang rate that every good step excludes at 95 %: 29 respawns
GOOD, BAD, UNKNOWN = "good", "bad", "cannot tell"
VERDICTS = {"recovers": GOOD, "throttled": GOOD, "invalid": UNKNOWN}  # everything else is bad
BISECT_FILE = "bisect.json"


@dataclass
class Search:
    """A binary search over positions 0 .. count-1, of which the two ends are looked at first."""

    count: int
    judge: Callable[[int], str]
    seen: dict[int, str] = field(default_factory=dict)

    def look(self, index: int) -> str:
        """The judgement of a position, made once."""
        if index not in self.seen:
            self.seen[index] = self.judge(index)
        return self.seen[index]

    def run(self) -> tuple[int, int] | None:
        """The neighbours between which the judgement changes, or None where both ends are alike or cannot be told.

        Positions that cannot be told are stepped over, as `git bisect skip` does, so the two need not be adjacent.
        """
        low = next((i for i in range(self.count) if self.look(i) != UNKNOWN), None)
        high = next((i for i in reversed(range(self.count)) if self.look(i) != UNKNOWN), None)
        if low is None or high is None or self.look(low) == self.look(high):
            return None
        while between := [i for i in range(low + 1, high) if self.seen.get(i) != UNKNOWN]:
            middle = between[len(between) // 2]
            found = self.look(middle)
            if found == self.look(low):
                low = middle
            elif found != UNKNOWN:
                high = middle
        return low, high


def candidates(known: Catalogue, fixed: str) -> list[Version]:
    """The versions to search, oldest first: all pins for a Python that is held fixed, or all Pythons for a pin."""
    from packaging.version import Version as Order

    wheels = [version for version in known.versions.values() if version.package == "pyuwsgi"]
    over_pins = [version for version in wheels if version.python == fixed]
    over_pythons = [version for version in wheels if version.pin == fixed]
    if over_pins:
        return sorted(over_pins, key=lambda version: Order(version.pin))
    if over_pythons:
        return sorted(over_pythons, key=lambda version: Order(version.python))
    pythons, pins = (", ".join(dict.fromkeys(getattr(v, name) for v in wheels)) for name in ("python", "pin"))
    raise UsageError(f"VERSION={fixed}: hold a Python ({pythons}) or a pin ({pins}) fixed.")


def judgement(record: dict[str, Any]) -> str:
    """What a run says for the search."""
    return VERDICTS.get(record["verdict"], BAD) if record["status"] == "done" else UNKNOWN


def step(version: Version, record: dict[str, Any]) -> dict[str, Any]:
    """One step as data."""
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
    """The steps in the order they were made."""
    shown = Table(box=None, pad_edge=False)
    for title in ("step", "version", "", "verdict", "hung of", "evidence"):
        shown.add_column(title)
    for number, row in enumerate(steps, start=1):
        style = {GOOD: "green", BAD: "red"}.get(row["judgement"], "yellow")
        rate = f"{row['hung']} of {row['trials']}"
        if row["ruled_out"] is not None:
            rate += f", < {row['ruled_out']:.0%}"
        why = row["evidence"] or ("" if row["judgement"] == GOOD else row["reason"])
        word = f"[{style}]{row['judgement']}[/]"
        shown.add_row(str(number), row["version"], word, row["verdict"] or "-", rate, why)
    return shown


def answer(stack: str, versions: Sequence[Version], steps: dict[int, str], found: tuple[int, int] | None) -> str:
    """The end of the search in a sentence."""
    if found is None:
        words = {word for word in steps.values() if word != UNKNOWN}
        if not words:
            return f"{stack}: no version could be judged."
        return f"{stack}: {words.pop()} at both ends ({versions[0].id} and {versions[-1].id}), so there is no change."
    low, high = found
    skipped = f"; {high - low - 1} between them could not be told" if high - low > 1 else ""
    old, new = versions[low].id, versions[high].id
    if steps[low] == BAD:
        return f"{stack}: last bad {old}, first good {new}{skipped}."
    return f"{stack}: last good {old}, first bad {new}{skipped}."


def main(options: argparse.Namespace) -> int:
    """Search, step by step. Returns 0 where the question was answered, otherwise 1. Raises UsageError."""
    known = catalogue.load()
    versions = candidates(known, options.version or DEFAULT_FIXED)
    asked = Asked(
        stack=options.stack or DEFAULT_STACK,
        version=",".join(version.id for version in versions),
        trials=1,
        confidence=RULED_OUT if options.confidence is None else options.confidence,
    )
    made, cells, scenario = plan(known, asked)
    if len({cell.stack.name for cell in cells}) > 1:
        raise UsageError("STACK: a search takes one stack")
    console = Console(stderr=True)
    campaign = Campaign(made, asked, cells, scenario, kind=SEARCH)
    make_environments(campaign, console)
    tested = [index for index in range(len(cells)) if index not in campaign.not_tested]
    wanted = respawns_to_rule_out(asked.confidence or RULED_OUT)
    console.print(f"every good step rules out a hang rate of {asked.confidence:.0%} at 95 % ({wanted} respawns)")
    steps: list[dict[str, Any]] = []

    def judge(position: int) -> str:
        index = tested[position]
        campaign.runs, campaign.stood = [(index, 1)], len(campaign.done)
        with Progress(console) as progress:
            campaign.run(progress)
        if campaign.status != "done":
            raise KeyboardInterrupt
        steps.append(step(cells[index].version, campaign.done[-1][1]))
        return str(steps[-1]["judgement"])

    search = Search(len(tested), judge)
    try:
        found = search.run()
    except KeyboardInterrupt:
        console.print("interrupted")
        return 1
    unseen = {index for position, index in enumerate(tested) if position not in search.seen}
    campaign.leave_out(unseen, "the search did not need it")
    said = answer(cells[0].stack.name, [cells[index].version for index in tested], search.seen, found)
    Console(width=None if console.is_terminal else 200).print(table(steps), "", said, highlight=False, soft_wrap=True)
    write_json(campaign.directory / BISECT_FILE, {"schema": SCHEMA, "answer": said, "steps": steps})
    print(f"everything recorded is in {campaign.directory}")
    return 0 if set(search.seen.values()) - {UNKNOWN} else 1
