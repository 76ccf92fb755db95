"""Makes one side of a swimlane from a story, through the loader that reads real runs."""

from results_builder import BEGIN, Builder

from analysis.frames.campaigns import load_campaign
from analysis.summary.run_findings import PicturedRun


def side_of(tmp_path, story, verdict="recovers", end_s=2.0) -> PicturedRun:
    """A run of the cell `threads x v` with a load window of 2 s, whose load ends after `end_s`."""
    builder = Builder(tmp_path / f"campaign-{verdict}")
    builder.cell()
    builder.run(verdict, story, load={"begin_ns": BEGIN, "end_ns": BEGIN + round(end_s * 1e9), "window_s": 2.0})
    campaign = load_campaign(builder.write())
    assert campaign.left_out == []
    return PicturedRun("threads x v", verdict, BEGIN, end_s, 2.0, campaign.episodes, campaign.seconds)
