"""What a person sees while a campaign runs: cells, respawns and hung so far, time left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from stacks.lifecycle.rates import tally

if TYPE_CHECKING:
    from stacks.campaign.campaign import Campaign

MOST_ROWS = 20  # of a terminal; a larger campaign shows the cells that it is at, and those last done
FIRST_GUESS_S = 3.5  # a run of the default plan; after the first one the mean is known
MARKS = {"recovers": ("✓", "green"), "invalid": ("?", "yellow"), "throttled": ("~", "yellow")}


def mark(verdict: str | None) -> tuple[str, str]:
    """A sign and a colour for a verdict; every kind of hang and crash shares one."""
    return MARKS.get(verdict or "invalid", ("✗", "red"))


def make_environments(campaign: Campaign, console: Console) -> None:
    """Every environment that can be had; what cannot is said, each reason once."""
    if not console.is_terminal:
        console.print(f"environments: {len({cell.version for cell in campaign.cells})}")
    with console.status("environments") as status:
        campaign.prepare(lambda done, of: status.update(f"environments: {done} of {of}"))
    reasons: dict[str, list[str]] = {}
    for version, why in campaign.untested_versions().items():
        reasons.setdefault(why, []).append(version)
    for why, versions in reasons.items():
        console.print(f"{', '.join(versions)}: not tested, because {why}", markup=False, soft_wrap=True)
    tested = len(campaign.cells) - len(campaign.not_tested)
    console.print(f"{len(campaign.runs)} runs of {tested} cell{'' if tested == 1 else 's'}", highlight=False)


class Progress:
    """A live table on a terminal, otherwise a line for every run that has ended."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None

    @property
    def is_live(self) -> bool:
        """Whether the table is on a terminal."""
        return self._live is not None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, campaign: Campaign) -> None:
        """Redraw."""
        if self._live is not None:
            self._live.update(render(campaign, time.monotonic()))

    def finished(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """One line for the log; on a terminal the table shows it."""
        if self._live is None or record["status"] != "done":
            counts = record.get("counts") or {}
            hung, _ = tally(counts)
            said = record["verdict"] if record["status"] == "done" else f"{record['status']}: {record['error']}"
            self.console.print(
                f"[{len(campaign.done) - campaign.stood}/{len(campaign.runs)}] {record['run_id']}: {said}"
                f" ({counts.get('respawns', 0)} respawns, {hung} hung, {record.get('duration_s', 0):.1f} s)",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def time_left_s(campaign: Campaign, now: float) -> float:
    """The mean of the runs that have ended, for those that have not."""
    done = len(campaign.done) - campaign.stood
    each = (now - campaign.began) / done if done else FIRST_GUESS_S
    return each * (len(campaign.runs) - done)


def shown(campaign: Campaign) -> list[int]:
    """The cells that have a row: all, or those of most interest where they are too many."""
    if len(campaign.cells) <= MOST_ROWS:
        return list(range(len(campaign.cells)))
    at_work = [active.index for active in campaign.active]
    last = [index for index, _ in campaign.done[: -MOST_ROWS - 1 : -1]]
    return sorted(list(dict.fromkeys([*at_work, *last]))[:MOST_ROWS])


def render(campaign: Campaign, now: float) -> Group:
    """The table: a row a cell."""
    table = Table(box=None, pad_edge=False)
    for title, justify in (
        ("cell", "left"),
        ("runs", "left"),
        ("respawns", "right"),
        ("hung", "right"),
        ("now", "left"),
    ):
        table.add_column(title, justify="right" if justify == "right" else "left", no_wrap=True)
    for index in shown(campaign):
        cell = campaign.cells[index]
        records = [record for i, record in campaign.done if i == index]
        running = [active for active in campaign.active if active.index == index and not active.ended]
        signs = Text()
        for record in records:
            signs.append(*mark(record["verdict"]))
        signs.append("·" * ((cell.trials or campaign.plan.trials) - len(records)), style="dim")
        counts = [record.get("counts") or {} for record in records]
        respawns = sum(c.get("respawns", 0) for c in counts) + sum(a.respawns for a in running)
        hung = sum(tally(c)[0] for c in counts) + sum(a.hung for a in running)
        state = "not tested" if index in campaign.not_tested else ", ".join(active.phase for active in running)
        table.add_row(
            f"{cell.version.id}  {cell.stack.name}  {cell.variant}".rstrip(),
            signs,
            str(respawns),
            Text(str(hung), style="red" if hung else ""),
            Text(state, style="cyan"),
        )
    left = time_left_s(campaign, now)
    done = len(campaign.done) - campaign.stood
    foot = Text(f"{done} of {len(campaign.runs)} runs, about {left:.0f} s left", style="dim")
    return Group(table, foot)
