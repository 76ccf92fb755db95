"""The pictures of a campaign's page: which runs they show, and that the same runs give the same bytes."""

import pandas as pd
from html_page import Page
from results_builder import Builder, Story, hanging, recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.reports.campaign_pictures import draw_swimlanes
from analysis.reports.cell_pairs import choose_pairs
from analysis.summary.summary import summarise


def label(svg):
    return Page(svg).named("svg")[0]["aria-label"]


def test_pictures_of_a_campaign(tmp_path):
    campaign = load_campaign(typical(tmp_path / "campaign"))
    cells = summarise(campaign)["cells"]
    pictures = draw_swimlanes(campaign, cells)
    assert [picture.title for picture in pictures] == [
        "threads: with another version, the workers come back",
        "py312-2.0.30.post1: with another stack, the workers come back",
    ]
    assert all(picture.svg.startswith("<svg ") for picture in pictures)
    assert "thread-at-fork x py312-2.0.30.post1: 2 of 2 workers hung" in label(pictures[1].svg)
    assert draw_swimlanes(campaign, cells) == pictures


def test_a_stack_that_never_got_load_has_no_picture(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("threads", "py312-2.0.26", "hung_worker")
    story = Story()
    story.hang(story.first(1, ready=False), -0.9)
    builder.run("hung_worker", story, load={"begin_ns": None, "end_ns": None, "window_s": 2.0})
    builder.cell()
    builder.run("recovers", recovering())
    campaign = load_campaign(builder.write())
    cells = summarise(campaign)["cells"]
    assert len(choose_pairs(cells)) == 1
    assert draw_swimlanes(campaign, cells) == []
    assert pd.isna(campaign.runs["load_begin_ns"].iloc[0])


def test_a_picture_shows_a_run_of_the_cell_that_it_names(tmp_path):
    """A capacity campaign has several cells of one stack and version, which differ in their settings."""
    builder = Builder(tmp_path / "campaign")
    builder.cell("work", "py312-2.0.26", "hung_worker", variant="w2t1")
    builder.run("hung_worker", hanging(workers=2))
    for workers in (4, 8):
        builder.cell("work", variant=f"w{workers}t1m10")
        builder.run("recovers", recovering(workers=workers, respawns=2))
    campaign = load_campaign(builder.write())
    cells = summarise(campaign)["cells"]
    [picture] = draw_swimlanes(campaign, [cells[0], cells[2]])
    assert "work w8t1m10 x py312-2.0.30.post1: no worker hung, 16 respawns" in label(picture.svg)
