"""Draws the pictures of a campaign's page: swimlanes of two cells, heat-maps of a matrix, or slots of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from analysis.frames.campaigns import Campaign
from analysis.reports.cell_pairs import CellPair, choose_pairs
from analysis.reports.inline_svg import inline_svg
from analysis.summary.run_findings import PicturedRun, alt_text, run_finding
from analysis.summary.wording import cell_name

Entry = dict[str, Any]

PICTURED_S = 600.0
MOST_RECORDINGS = 8  # pictures on one page

MATRIX_CAPTION = (
    "Each field shows the verdict and how many of the respawns hung. Where none hung, the percentage is the upper end "
    "of the 95 % interval of the hang rate (Wilson). Hatched fields were not tested."
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its texts. It is a part of the page, so it needs no file beside the page."""

    title: str
    caption: str
    svg: Markup


def draw_swimlanes(campaign: Campaign, cells: list[Entry]) -> list[Picture]:
    """One swimlane for each pair of cells that the rule of `cell_pairs` chooses.

    A pair is left out where one of its cells has no run with load.
    """
    pairs = choose_pairs(cells)
    if not pairs:
        return []  # before the import of matplotlib, which takes longer than everything else
    from analysis.figures import swimlane

    pictures = []
    for pair in pairs:
        left, right = _run(campaign, pair.hung), _run(campaign, pair.recovering)
        if left is None or right is None:
            continue
        image = inline_svg(swimlane.draw(left, right), alt_text(left, right))
        pictures.append(Picture(_title(pair), _caption(pair), image))
    return pictures


def draw_recordings(campaign: Campaign, cells: list[Entry]) -> list[Picture]:
    """For each uWSGI of a recording, what its worker slots did at the end of the run that says the most.

    That is the newest run with the verdict of the cell, and of it the last PICTURED_S: a picture of a day has no pixel
    for a respawn of a second.
    """
    from analysis.figures import recording_lanes

    pictures = []
    for entry in cells[:MOST_RECORDINGS]:
        run = _run(campaign, entry, newest=True)
        if run is None or run.episodes.empty:
            continue
        from_s = max(0.0, run.end_s - PICTURED_S)
        words = f"{entry['stack']}: {run_finding(run)}"
        caption = (
            f"The newest run of {entry['stack']} with its verdict; at most its last {PICTURED_S / 60:.0f} minutes."
        )
        image = inline_svg(recording_lanes.draw(run, from_s), f"Worker slots over time. {words}.")
        pictures.append(Picture(words, caption, image))
    return pictures


def draw_heatmaps(summary: dict[str, Any]) -> list[Picture]:
    """One heat-map for each stack of a matrix campaign."""
    from analysis.figures import verdict_grid, verdict_heatmap

    return [
        Picture(
            verdict_grid.title(grid),
            MATRIX_CAPTION,
            inline_svg(verdict_heatmap.draw(grid), verdict_grid.alt_text(grid)),
        )
        for grid in verdict_grid.grids_of(summary)
    ]


def _run(campaign: Campaign, entry: Entry, *, newest: bool = False) -> PicturedRun | None:
    """The first or the newest run of a cell that has the cell's verdict. So nobody picks the prettiest run.

    Returns None where no such run had load: all workers hung before the load could begin.
    """
    counted = campaign.counted
    is_of_cell = counted["run_id"].isin(_planned_runs(campaign, entry))
    has_verdict = counted["verdict"] == entry["verdict"]
    has_load = counted["load_begin_ns"].notna() & counted["load_end_ns"].notna()
    runs = counted[is_of_cell & has_verdict & has_load].sort_values("trial")
    if runs.empty:
        return None
    run = runs.iloc[-1 if newest else 0]
    begin_ns, end_ns = run["load_begin_ns"], run["load_end_ns"]
    return PicturedRun(
        name=cell_name(entry),
        verdict=entry["verdict"],
        begin_ns=int(begin_ns),
        end_s=(int(end_ns) - int(begin_ns)) / 1e9,
        window_s=float(run["window_s"]),
        episodes=campaign.episodes[campaign.episodes["run_id"] == run["run_id"]],
        seconds=campaign.seconds[campaign.seconds["run_id"] == run["run_id"]],
    )


def _planned_runs(campaign: Campaign, entry: Entry) -> list[str]:
    """The ids of the cell's runs. A capacity campaign has several cells of one stack and version."""
    names = ("stack", "version", "variant")
    wanted = [entry.get(name, "") for name in names]
    return [
        run_id
        for cell in campaign.campaign["cells"]
        if [cell.get(n, "") for n in names] == wanted
        for run_id in cell["runs"]
    ]


def _title(pair: CellPair) -> str:
    if pair.is_upgrade:
        return f"{pair.hung['stack']}: with another version, the workers come back"
    return f"{pair.hung['version']}: with another stack, the workers come back"


def _caption(pair: CellPair) -> str:
    return (
        f"Left: {cell_name(pair.hung)}. Right: {cell_name(pair.recovering)}. Each side is the first run of its cell "
        "that has the cell's verdict. At every recycle a slot is empty for up to a second, because the master looks "
        "for dead workers once a second."
    )
