"""Figures inside a page: every colour is a variable, and text is legible on the dark page as well."""

import re

import pytest
from contrast import contrast
from html_page import Page
from matplotlib.figure import Figure

from analysis.figures import style
from analysis.reports.inline_svg import inline_svg, on_dark
from analysis.reports.page_templates import STYLE

DARK_PAPER = re.search(r"prefers-color-scheme: dark.*?--paper: (#\w{6})", STYLE.read_text(), re.DOTALL)[1]
TEXTS = [name for name in vars(style) if name.endswith("TEXT")]
FILLS = [style.LIGHT_BLUE, style.LIGHT_VERMILION, *style.ORANGES]


def svg(alt_text: str = "a figure") -> str:
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([1, 2], [3, 4], color=style.BLUE)
    axes.fill_between([1, 2], [3, 4], facecolor=style.LIGHT_BLUE, hatch="//", edgecolor=style.VERMILION)
    axes.scatter([1], [3], edgecolor="white")
    axes.set_title("<b>a & b</b>", color=style.TEXT)
    return inline_svg(figure, alt_text)


def test_every_colour_is_a_variable_with_a_dark_value() -> None:
    page = svg()
    for colour in (style.BLUE, style.LIGHT_BLUE, style.VERMILION, style.TEXT):
        name = colour.removeprefix("#").lower()
        assert f"var(--c-{name}, #{name})" in page
        assert f"--c-{name}: {on_dark(name)};" in page
    assert "var(--paper, #ffffff)" in page
    assert not re.findall(r"[:=] ?\"?#[0-9a-f]{6}", re.sub(r"<style>.*?</style>", "", page))


def test_it_is_one_element_with_a_label_and_without_rules_for_the_rest_of_the_page() -> None:
    page = Page(svg('"a" < b'))
    [root] = page.named("svg")
    assert (root["aria-label"], root["role"]) == ('"a" < b', "img")
    assert "width" not in root
    assert "*{" not in svg()
    assert "<b>" not in svg()
    assert svg() == svg()


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_legible_on_the_dark_page(name: str) -> None:
    assert contrast(on_dark(getattr(style, name).lower().removeprefix("#")), DARK_PAPER) >= 4.5


@pytest.mark.parametrize("fill", FILLS)
def test_dark_text_on_a_light_area_becomes_light_text_on_a_dark_one(fill: str) -> None:
    for text in (style.TEXT, style.DARK_BAD_TEXT):
        dark_text, area = (on_dark(colour.lower().removeprefix("#")) for colour in (text, fill))
        assert contrast(text, fill) >= 4.5
        assert contrast(dark_text, area) >= 4.5
