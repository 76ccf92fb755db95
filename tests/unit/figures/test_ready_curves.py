"""The curves of the time to ready: each has a look and a label of its own, and labels do not touch."""

import itertools

import pytest

from analysis.figures import ready_curves
from analysis.statistics.survival import Sample

QUICK = Sample([0.5, 0.9, 1.1], [True, True, True])
HALF = Sample([0.5, 2.0], [True, False])


def drawn(count_good, count_bad):
    named = [(f"good{n}", QUICK) for n in range(count_good)] + [(f"bad{n}", HALF) for n in range(count_bad)]
    return named, ready_curves.draw(named)


@pytest.mark.parametrize(("good", "bad"), [(2, 0), (2, 1), (5, 3), (8, 0), (0, 8)])
def test_every_curve_has_its_own_look_and_its_own_label(good, bad):
    named, figure = drawn(good, bad)
    [axes] = figure.axes
    looks = [(line.get_color(), line.get_linestyle(), line._dash_pattern[1]) for line in axes.lines]
    assert len(looks) == len({str(look) for look in looks}) == good + bad
    words = [text.get_text() for text in figure.texts]
    for name, _ in named:
        assert sum(text.startswith(f"{name}\n") for text in words) == 1
    assert not any("cells" in text.split("\n")[0] for text in words[1:])


@pytest.mark.parametrize("percents", [[100.0] * 8, [0.0] * 8, [50, 0, 0], [3.0], []])
def test_labels_do_not_touch_each_other_or_the_axis(percents):
    heights = ready_curves.places(percents)
    assert all(high - low >= ready_curves.LABEL_GAP - 1e-9 for high, low in itertools.pairwise(heights))
    assert all(ready_curves.LOWEST_LABEL <= height <= 100 for height in heights)
