"""The pictures of a campaign's page: which runs they show, as SVG in data URIs with words beside them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.frames.campaigns import Campaign
from analysis.reports.pairs import Pair, choose_pairs
from analysis.summary.run_findings import PicturedRun, alt_text
from analysis.summary.wording import cell_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that needs no file beside the page."""

    title: str
    caption: str
    alt: str
    data_uri: str


def _side(campaign: Campaign, entry: dict[str, Any]) -> PicturedRun | None:
    """The first run of a cell that has the cell's verdict: a rule, so that nobody picks the prettiest.

    None when all workers of such runs hung before there was any load.
    """
    counted = campaign.counted
    of_cell = (counted["stack_id"] == entry["stack"]) & (counted["version"] == entry["version"])
    has_verdict = counted["verdict"] == entry["verdict"]
    loaded = counted["load_begin_ns"].notna() & counted["load_end_ns"].notna()
    runs = counted[of_cell & has_verdict & loaded].sort_values("trial")
    if runs.empty:
        return None
    run = runs.iloc[0]
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


def _words(pair: Pair) -> tuple[str, str]:
    """Title and caption of a pair."""
    hung, recovering = cell_name(pair.hung), cell_name(pair.recovering)
    if pair.is_upgrade:
        title = f"{pair.hung['stack']}: another version, and the workers come back"
    else:
        title = f"{pair.hung['version']}: another stack, and the workers come back"
    caption = (
        f"Left {hung}, right {recovering}; of each cell the first run with its verdict. A slot stands empty for up to "
        "a second at every recycle, because the master looks for dead workers once a second."
    )
    return title, caption


def data_uri(figure: Figure) -> str:
    """A data URI; a fixed salt and no date, so that the same runs give the same bytes."""
    from matplotlib import rc_context

    svg = io.BytesIO()
    with rc_context({"svg.hashsalt": "pack"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.getvalue()).decode('ascii')}"


def draw_matrix(summary: dict[str, Any]) -> list[Picture]:
    """A heat-map a stack."""
    from analysis.reports.matrix import alt, finding, grids
    from analysis.reports.matrix_figure import matrix

    caption = (
        "Verdict, and how many of the respawns hung; behind a 0 the hang rate that so many respawns rule out at 95 %. "
        "Hatched: not tested."
    )
    return [Picture(finding(grid), caption, alt(grid), data_uri(matrix(grid))) for grid in grids(summary)]


def draw_pictures(campaign: Campaign, cells: list[dict[str, Any]]) -> list[Picture]:
    """Every picture that the campaign has runs for; none when no load ever began in one of a pair."""
    pairs = choose_pairs(cells)
    if not pairs:
        return []  # before matplotlib is imported, which takes longer than all the rest
    from analysis.figures.swimlane import swimlane

    pictures = []
    for pair in pairs:
        left, right = _side(campaign, pair.hung), _side(campaign, pair.recovering)
        if left is None or right is None:
            continue
        pictures.append(Picture(*_words(pair), alt_text(left, right), data_uri(swimlane(left, right))))
    return pictures
