"""The shared look of the figures: text is legible on white, and titles fit."""

import pytest
from contrast import contrast
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.figures.durations import duration_words

TEXT_COLOURS = [name for name in vars(style) if name.endswith("TEXT")]


def test_the_contrast_of_black_on_white():
    assert contrast("#000000") == pytest.approx(21)


@pytest.mark.parametrize("name", [*TEXT_COLOURS, "BLUE"])
def test_text_is_legible(name):
    assert {"TEXT", "BAD_TEXT", "QUIET_TEXT"} <= set(TEXT_COLOURS)
    assert contrast(getattr(style, name)) >= 4.5


def test_a_long_title_takes_two_lines():
    figure = Figure(figsize=(style.WIDTH, 3))
    style.add_title(figure, "word " * 30)
    [text] = figure.texts
    lines = text.get_text().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= style.TITLE_LETTERS


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.23, "4.2 s"), (40, "40 s"), (180, "3.0 min"), (3600, "60 min"), (7200, "2.0 h"), (172_800, "2 days")],
)
def test_durations_in_words(seconds, words):
    assert duration_words(seconds) == words
