"""What each worker slot did and when, from its episodes."""

from results_builder import BEGIN, Story
from sides import side_of

from analysis.figures.slot_spans import CRASHED, HUNG, MISSING, RESPAWNING, SERVING, slot_spans


def spans_of(side, end_s=2.0):
    spans = slot_spans(side.episodes, side.begin_ns, end_s)
    return [(span.state, round(span.begin_s, 3), round(span.end_s, 3)) for span in spans]


def test_a_slot_that_comes_back(tmp_path):
    story = Story()
    story.respawn(1, story.first(1), 0.5, took=0.4)
    expected = [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 0.9), (SERVING, 0.9, 2)]
    assert spans_of(side_of(tmp_path, story)) == expected


def test_a_slot_that_hangs(tmp_path):
    story = Story()
    story.hang(story.respawn(1, story.first(1), 0.5, took=None), 0.7)
    side = side_of(tmp_path, story, "hung_worker")
    assert spans_of(side) == [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 0.6), (HUNG, 0.6, 2)]
    marked = [span for span in slot_spans(side.episodes, BEGIN, 2.0) if span.marked]
    assert [(span.state, span.begin_s) for span in marked] == [(HUNG, 0.6)]


def test_a_slot_that_hung_before_the_load(tmp_path):
    story = Story()
    story.hang(story.first(1, ready=False), -0.9)
    assert spans_of(side_of(tmp_path, story, "hung_worker")) == [(HUNG, 0, 2)]


def test_a_slot_that_stays_empty(tmp_path):
    story = Story()
    pid = story.first(1)
    story.add(0.5, "exit_begun", pid)
    story.add(0.6, "exited", pid)
    assert spans_of(side_of(tmp_path, story)) == [(SERVING, 0, 0.5), (MISSING, 0.5, 2)]


def test_a_slot_that_crashes(tmp_path):
    story = Story()
    pid = story.respawn(1, story.first(1), 0.5, took=None)
    story.add(0.8, "exited", pid, signal=6)
    story.add(0.9, "respawned", 4000, 1)
    story.add(1.2, "ready", 4000)
    expected = [(SERVING, 0, 0.5), (CRASHED, 0.5, 0.8), (RESPAWNING, 0.8, 1.2), (SERVING, 1.2, 2)]
    assert spans_of(side_of(tmp_path, story)) == expected


def test_spans_end_with_the_figure(tmp_path):
    story = Story()
    story.respawn(1, story.first(1), 0.5, took=1.0)
    assert spans_of(side_of(tmp_path, story), end_s=1.0) == [(SERVING, 0, 0.5), (RESPAWNING, 0.5, 1.0)]
