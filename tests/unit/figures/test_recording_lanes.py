"""The slots of a recording: the time that is drawn, and names that are no mathematics."""

import io
from dataclasses import replace

import pytest
from results_builder import hanging, recovering
from sides import side_of

from analysis.figures import recording_lanes


def drawn(run, from_s=0.0):
    figure = recording_lanes.draw(run, from_s)
    figure.savefig(io.BytesIO(), format="svg")
    return figure.axes[0]


@pytest.mark.parametrize("name", ["/srv/$HOME/$x_{1}$.ini", "$", "a$\\frac$b", "<b>&amp;"])
def test_a_name_is_drawn_as_it_is(tmp_path, name):
    axes = drawn(replace(side_of(tmp_path, recovering(workers=2, respawns=3)), name=name))
    assert axes.get_title(loc="left").replace(r"\$", "$").startswith(f"{name}\n")


def test_only_the_end_of_a_long_run_is_drawn(tmp_path):
    run = side_of(tmp_path, hanging(workers=3), "hung_worker")
    assert drawn(run).get_xlim() == (0, 2.0)
    axes = drawn(run, from_s=1.5)
    assert axes.get_xlim() == (0, 0.5)
    assert axes.get_xlabel() == "seconds; 0 is 2 s after the recording began"
    assert len(axes.get_yticks()) == 3


def test_a_run_without_a_worker_can_be_drawn(tmp_path):
    run = side_of(tmp_path, recovering(workers=1, respawns=1))
    drawn(replace(run, episodes=run.episodes.iloc[:0]))
