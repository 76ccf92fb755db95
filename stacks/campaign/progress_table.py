"""The table of a campaign under way: a row for each cell, and the time left."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from stacks.campaign.campaign import Campaign
from stacks.lifecycle.rates import tally

MOST_ROWS = 20  # fit on a terminal; a larger campaign shows the cells of the active runs and of the last ended ones
MARKS = {"recovers": ("✓", "green"), "invalid": ("?", "yellow"), "throttled": ("~", "yellow")}
COLUMNS = ("cell", "runs", "respawns", "hung", "now")
NUMBERS = ("respawns", "hung")


def mark(verdict: str | None) -> tuple[str, str]:
    """Return a sign and its colour for a verdict. All kinds of hangs and crashes have the same."""
    return MARKS.get(verdict or "invalid", ("✗", "red"))


def time_left_s(campaign: Campaign, now_s: float) -> float | None:
    """Return the time for the runs that have not ended, each as long as the mean of the others; None before an end.

    Between two ends of runs the time goes down with the clock, and it never climbs. Runs overlap, so a mean that
    counted the time since the last end would climb until the next end.
    """
    ended, end_s = campaign.count_ended(), campaign.last_end_s
    if not ended:
        return None
    each_s = (end_s - campaign.began_s) / ended
    estimate_s = each_s * (len(campaign.runs) - ended) - (now_s - end_s)
    campaign.least_left_s = max(0.0, min(campaign.least_left_s, estimate_s))
    return campaign.least_left_s


def visible_cells(campaign: Campaign) -> list[int]:
    """Return the indexes of the cells that have a row: all, or the MOST_ROWS that changed last."""
    if len(campaign.cells) <= MOST_ROWS:
        return list(range(len(campaign.cells)))
    active = [run.index for run in campaign.active]
    ended = [index for index, _ in campaign.done[: -MOST_ROWS - 1 : -1]]
    return sorted(list(dict.fromkeys([*active, *ended]))[:MOST_ROWS])


def render(campaign: Campaign, now_s: float) -> Group:
    """Return the table, with the time left below it. `now_s` is a time of the monotonic clock."""
    table = Table(box=None, pad_edge=False)
    for title in COLUMNS:
        table.add_column(title, justify="right" if title in NUMBERS else "left", no_wrap=True)
    for index in visible_cells(campaign):
        table.add_row(*_row(campaign, index))
    ended, left_s = campaign.count_ended(), time_left_s(campaign, now_s)
    foot = Text(f"{ended} of {len(campaign.runs)} runs{_left(left_s)}", style="dim")
    return Group(table, foot)


def _left(left_s: float | None) -> str:
    if left_s is None:
        return ""
    return f", about {left_s:.0f} s left" if left_s >= 1 else ", nearly done"


def _row(campaign: Campaign, index: int) -> tuple[str, Text, str, Text, Text]:
    cell = campaign.cells[index]
    records = [record for i, record in campaign.done if i == index]
    running = [run for run in campaign.active if run.index == index and not run.has_ended]
    signs = Text()
    for record in records:
        signs.append(*mark(record["verdict"]))
    signs.append("·" * ((cell.trials or campaign.plan.trials) - len(records)), style="dim")
    counts = [record.get("counts") or {} for record in records]
    respawns = sum(count.get("respawns", 0) for count in counts) + sum(run.respawns for run in running)
    hung = sum(tally(count)[0] for count in counts) + sum(run.hung for run in running)
    state = "not tested" if index in campaign.not_tested else ", ".join(run.phase for run in running)
    name = f"{cell.version.id}  {cell.stack.name}  {cell.variant}".rstrip()
    return name, signs, str(respawns), Text(str(hung), style="red" if hung else ""), Text(state, style="cyan")
