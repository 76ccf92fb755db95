"""The swimlane of two runs: its texts, its axes and its marks."""

import io
from dataclasses import replace

import pytest
from results_builder import Story, hanging, recovering
from sides import side_of

from analysis.figures import lanes_panel, swimlane
from analysis.summary.run_findings import alt_text, outage_begin_s, run_finding


def drawn(left, right):
    figure = swimlane.draw(left, right)
    figure.savefig(io.BytesIO(), format="png", dpi=40)
    return figure


def test_the_title_of_a_run(tmp_path):
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
    without_answers = replace(hung, seconds=hung.seconds.assign(answered=0))
    assert outage_begin_s(without_answers) == 0
    with_answers_to_the_end = replace(hung, seconds=hung.seconds.assign(answered=1))
    assert outage_begin_s(with_answers_to_the_end) is None


def test_the_alternative_text_describes_both_runs(tmp_path):
    text = alt_text(side_of(tmp_path, hanging(), "hung_worker"), side_of(tmp_path, recovering()))
    assert "Left, threads x v: 2 of 2 workers hung, nothing answered after 0.6 s." in text
    assert text.endswith("Right, threads x v: no worker hung, 6 respawns.")


def test_both_runs_have_the_same_axes_titles_and_notes(tmp_path):
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
    assert "load ended: no worker left" in notes
    assert [text.get_text() for text in answers_r.texts] == ["50 answered/s in the first 2 s"]


def test_runs_without_workers_and_answers_are_drawn(tmp_path):
    empty = side_of(tmp_path, Story())
    without_seconds = replace(empty, seconds=empty.seconds.iloc[:0])
    figure = drawn(without_seconds, empty)
    assert figure.axes[0].get_title("left").endswith("no worker hung, 0 respawns")


def test_a_run_that_waited_long_ends_after_three_windows(tmp_path):
    side = side_of(tmp_path, recovering(), end_s=90.0)
    assert drawn(side, side).axes[0].get_xlim() == (0, 6.0)


def test_states_differ_without_colour():
    looks = [(hatch, height) for _, _, hatch, height, _ in lanes_panel.LOOKS.values()]
    assert len(set(looks)) == len(looks)
