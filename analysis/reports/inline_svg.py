"""A figure as SVG inside a page: its colours are CSS variables, so that the page's dark theme has dark figures.

A colour `#0072b2` becomes `var(--c-0072b2, #0072b2)`. White is the paper of the page. On a dark screen each variable
has the same hue with the opposite lightness; on paper and in the light none is set.
"""

from __future__ import annotations

import colorsys
import io
import re
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOUR = re.compile(r"(?<=[:=\" ])#([0-9a-f]{6})\b")
# What matplotlib writes and a page does not need: rules for every element of the page, and ids that nothing refers to.
SURPLUS = re.compile(r"<style type=\"text/css\">.*?</style>|<metadata>.*?</metadata>|(?<=<g) id=\"[^\"]*\"", re.DOTALL)
ROOT = re.compile(r"<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>")
WHITE = "ffffff"
DARKEST, LIGHTEST = 0.12, 0.92  # lightness of what was white and of what was black, on the dark page (#16191d, #e6e6e6)

AREAS = 0.535  # a colour that is less than this away from white is an area below text, and becomes darker still


def inline_svg(figure: Figure, alt_text: str) -> Markup:
    """Return the figure as an `svg` element. The same runs give the same bytes: the ids have a fixed salt."""
    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "pack"}):
        # Transparent, so that the shadow behind it says where the picture goes on.
        figure.savefig(file, format="svg", metadata={"Date": None}, transparent=True)
    whole = file.getvalue().decode()
    drawing = SURPLUS.sub("", whole[whole.index("<svg") :])
    colours = sorted(set(COLOUR.findall(drawing)) - {WHITE})
    rules = "".join(f"--c-{colour}: {on_dark(colour)}; " for colour in colours)
    theme = f"<style>@media screen and (prefers-color-scheme: dark) {{ :root {{ {rules}}} }}</style>"
    named = COLOUR.sub(lambda match: variable(match[1]), drawing)
    open_tag = f'<svg class="figure" role="img" aria-label="{escape(alt_text)}" viewBox="{{}}">'
    named = ROOT.sub(lambda match: open_tag.format(match[1]), named, count=1)
    return Markup(named.replace("<defs>", f"{theme}<defs>", 1))  # noqa: S704 - matplotlib escapes the texts of a figure


def variable(colour: str) -> str:
    """Return the CSS value for a colour such as `0072b2`."""
    return "var(--paper, #ffffff)" if colour == WHITE else f"var(--c-{colour}, #{colour})"


def on_dark(colour: str) -> str:
    """Return the colour for a dark page: the same hue and saturation, and the opposite lightness."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    away = (1 - light) * min(1.0, (1 - light) / AREAS)
    turned = colorsys.hls_to_rgb(hue, DARKEST + (LIGHTEST - DARKEST) * away, saturation)
    return "#" + "".join(f"{round(255 * part):02x}" for part in turned)
