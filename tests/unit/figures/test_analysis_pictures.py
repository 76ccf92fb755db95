"""Pictures: which runs they show, what their words say, and what is drawn."""

import io
from dataclasses import replace

import pandas as pd
import pytest
from results_builder import BEGIN, Builder, Story, hanging, recovering, typical

from analysis.figures import swimlane
from analysis.figures.lanes import CRASHED, HUNG, MISSING, RESPAWNING, SERVING, lane_spans
from analysis.frames.campaigns import load_campaign
from analysis.reports.campaign_pictures import draw_pictures
from analysis.reports.pairs import choose_pairs
from analysis.summary.run_findings import PicturedRun, alt_text, outage_begin_s, run_finding
from analysis.summary.summary import summarise


def side_of(tmp_path, story, verdict="recovers", end_s=2.0) -> PicturedRun:
    builder = Builder(tmp_path / f"campaign-{verdict}")
    builder.cell()
    builder.run(verdict, story, load={"begin_ns": BEGIN, "end_ns": BEGIN + round(end_s * 1e9), "window_s": 2.0})
    campaign = load_campaign(builder.write())
    assert campaign.left_out == []
    return PicturedRun("threads x v", verdict, BEGIN, end_s, 2.0, campaign.episodes, campaign.seconds)


def spans_of(side, end_s=2.0):
    spans = lane_spans(side.episodes, side.begin_ns, end_s)
    return [(span.state, round(span.begin_s, 3), round(span.end_s, 3)) for span in spans]


def test_lanes_of_a_slot_that_comes_back(tmp_path):
    story = Story()
    story.respawn(1, story.first(1), 0.5, took=0.4)
    expected = [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 0.9), (SERVING, 0.9, 2)]
    assert spans_of(side_of(tmp_path, story)) == expected


def test_lanes_of_a_slot_that_hangs(tmp_path):
    story = Story()
    story.hang(story.respawn(1, story.first(1), 0.5, took=None), 0.7)
    side = side_of(tmp_path, story, "hung_worker")
    assert spans_of(side) == [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 0.6), (HUNG, 0.6, 2)]
    marked = [span for span in lane_spans(side.episodes, BEGIN, 2.0) if span.marked]
    assert [(span.state, span.begin_s) for span in marked] == [(HUNG, 0.6)]


def test_lanes_of_a_slot_that_hung_before_the_load(tmp_path):
    story = Story()
    story.hang(story.first(1, ready=False), -0.9)
    assert spans_of(side_of(tmp_path, story, "hung_worker")) == [(HUNG, 0, 2)]


def test_lanes_of_a_slot_that_nobody_filled_again(tmp_path):
    story = Story()
    pid = story.first(1)
    story.add(0.5, "exit_begun", pid)
    story.add(0.6, "exited", pid)
    assert spans_of(side_of(tmp_path, story)) == [(SERVING, 0, 0.5), (MISSING, 0.5, 2)]


def test_lanes_of_a_slot_that_crashes(tmp_path):
    story = Story()
    pid = story.respawn(1, story.first(1), 0.5, took=None)
    story.add(0.8, "exited", pid, signal=6)
    story.add(0.9, "respawned", 4000, 1)
    story.add(1.2, "ready", 4000)
    expected = [(SERVING, 0, 0.5), (CRASHED, 0.5, 0.8), (RESPAWNING, 0.8, 1.2), (SERVING, 1.2, 2)]
    assert spans_of(side_of(tmp_path, story)) == expected


def test_lanes_end_with_the_picture(tmp_path):
    story = Story()
    story.respawn(1, story.first(1), 0.5, took=1.0)
    assert spans_of(side_of(tmp_path, story), end_s=1.0) == [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 1.0)]


def test_findings(tmp_path):
    assert run_finding(side_of(tmp_path, recovering(workers=2, respawns=3))) == "no worker hung, 6 respawns"
    hung = side_of(tmp_path, hanging(workers=3), "hung_worker")
    assert run_finding(hung) == "3 of 3 workers hung"
    assert run_finding(replace(hung, verdict="hung_master")) == "the master hung, 0 of 3 workers not replaced"
    assert run_finding(replace(hung, verdict="dead_master")) == "the master ended, and 3 workers with it"
    assert run_finding(replace(hung, verdict="hung_request")) == "workers came up and never answered"


def test_silence_is_an_outage_only_where_workers_hung(tmp_path):
    hung = side_of(tmp_path, hanging(until=0.6), "hung_worker")
    assert outage_begin_s(hung) == pytest.approx(0.6)
    story = Story()
    story.first(1)
    story.request(0.01)
    assert outage_begin_s(side_of(tmp_path, story)) is None
    never = replace(hung, seconds=hung.seconds.assign(answered=0))
    assert outage_begin_s(never) == 0
    busy = replace(hung, seconds=hung.seconds.assign(answered=1))
    assert outage_begin_s(busy) is None


def test_the_alternative_text_tells_the_picture(tmp_path):
    text = alt_text(side_of(tmp_path, hanging(), "hung_worker"), side_of(tmp_path, recovering()))
    assert "Left, threads x v: 2 of 2 workers hung, nothing answered after 0.6 s." in text
    assert text.endswith("Right, threads x v: no worker hung, 6 respawns.")


def drawn(left, right):
    figure = swimlane.swimlane(left, right)
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


def test_swimlane(tmp_path):
    left = side_of(tmp_path, hanging(workers=3), "hung_worker", end_s=1.5)
    right = side_of(tmp_path, recovering(workers=3), end_s=2.4)
    lanes_l, lanes_r, answers_l, answers_r = drawn(left, right).axes
    assert lanes_l.get_title("left") == "threads x v\n3 of 3 workers hung"
    assert lanes_r.get_title("left") == "threads x v\nno worker hung, 9 respawns"
    assert lanes_l.get_xlim() == lanes_r.get_xlim() == answers_l.get_xlim() == answers_r.get_xlim() == (0, 2.4)
    assert answers_l.get_ylim() == answers_r.get_ylim()
    assert answers_l.get_ylim()[0] == 0
    marks = lanes_l.collections[-1].get_offsets()
    assert sorted(slot for _, slot in marks) == [1, 2, 3]
    assert len(lanes_r.collections[-1].get_offsets()) == 0
    notes = [text.get_text() for text in answers_l.texts]
    assert any("no answer after 0.6 s" in note for note in notes)
    assert "load ended: nobody left" in notes
    assert [text.get_text() for text in answers_r.texts] == ["50 answered/s in the first 2 s"]


def test_a_swimlane_of_nothing_is_drawn(tmp_path):
    empty = side_of(tmp_path, Story())
    bare = replace(empty, seconds=empty.seconds.iloc[:0])
    figure = drawn(bare, empty)
    assert figure.axes[0].get_title("left").endswith("no worker hung, 0 respawns")


def test_a_long_wait_does_not_flatten_the_picture(tmp_path):
    side = side_of(tmp_path, recovering(), end_s=90.0)
    assert drawn(side, side).axes[0].get_xlim() == (0, 6.0)


def contrast(colour: str) -> float:
    """WCAG 2.2 contrast ratio on white."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 1.05 / (luminance + 0.05)


def test_text_can_be_read():
    assert contrast("#000000") == pytest.approx(21)
    assert min(map(contrast, (swimlane.TEXT, swimlane.BAD_TEXT, swimlane.QUIET_TEXT))) >= 4.5


def test_states_differ_without_colour():
    looks = [(hatch, height) for _, _, hatch, height, _ in swimlane.LOOKS.values()]
    assert len(set(looks)) == len(looks)


def entry(stack, version, verdict, python="3.12"):
    names = {"stack": stack, "version": f"py{python}-{version}", "package_version": version, "python": python}
    return names | {"package": "pyuwsgi", "verdict": verdict}


def names(pairs):
    return [[(e["stack"], e["package_version"], e["python"]) for e in (p.hung, p.recovering)] for p in pairs]


def test_pairs_show_the_upgrade_and_the_other_stack():
    cells = [
        entry("threads", "2.0.26", "hung_worker"),
        entry("threads-lazy", "2.0.26", "hung_worker"),
        entry("plain", "2.0.26", "recovers"),
        entry("threads", "2.0.27.post1", "recovers"),
        entry("threads", "2.0.30.post1", "recovers"),
        entry("threads", "2.0.30.post1", "recovers", python="3.11"),
        entry("thread-at-fork", "2.0.30.post1", "hung_worker"),
        entry("thread-at-fork-lazy", "2.0.30.post1", "recovers"),
    ]
    pairs = choose_pairs(cells)
    assert names(pairs) == [
        [("threads", "2.0.26", "3.12"), ("threads", "2.0.30.post1", "3.12")],
        [("thread-at-fork", "2.0.30.post1", "3.12"), ("thread-at-fork-lazy", "2.0.30.post1", "3.12")],
    ]
    assert [pair.is_upgrade for pair in pairs] == [True, False]


def test_pairs_take_the_newest_release_that_hangs():
    cells = [entry("threads", v, "hung_worker") for v in ("2.0.9", "2.0.26")]
    assert names(choose_pairs([*cells, entry("threads", "2.0.30.post1", "recovers")])) == [
        [("threads", "2.0.26", "3.12"), ("threads", "2.0.30.post1", "3.12")]
    ]


@pytest.mark.parametrize("verdict", ["recovers", "hung_worker", "invalid", None])
def test_no_pair_without_both_verdicts(verdict):
    assert choose_pairs([entry("threads", "2.0.26", verdict), entry("plain", "2.0.26", verdict)]) == []


def test_cells_that_share_nothing_are_no_pair():
    cells = [entry("threads", "2.0.26", "hung_worker"), entry("plain", "2.0.30.post1", "recovers")]
    assert choose_pairs(cells) == []


def test_pictures_of_a_campaign(tmp_path):
    campaign = load_campaign(typical(tmp_path / "campaign"))
    cells = summarise(campaign)["cells"]
    pictures = draw_pictures(campaign, cells)
    assert [picture.title for picture in pictures] == [
        "threads: another version, and the workers come back",
        "py312-2.0.30.post1: another stack, and the workers come back",
    ]
    assert all(picture.data_uri.startswith("data:image/svg+xml;base64,") for picture in pictures)
    assert "thread-at-fork x py312-2.0.30.post1: 2 of 2 workers hung" in pictures[1].alt
    assert draw_pictures(campaign, cells) == pictures  # the same bytes every time


def test_no_picture_of_a_stack_that_never_got_load(tmp_path):
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
    assert draw_pictures(campaign, cells) == []
    assert pd.isna(campaign.runs["load_begin_ns"].iloc[0])
