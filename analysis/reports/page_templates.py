"""The Jinja environment of the HTML pages, and the filters that turn sentences of other rooms into HTML."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from analysis.figures.durations import duration_words
from analysis.summary import wording
from stacks import console

TEMPLATES = Path(__file__).parent / "templates"
STYLE = Path(console.__file__).with_name("style.css")  # of every page, that of a check too
BACKTICKS = re.compile(r"`([^`\n]+)`")


def environment() -> Environment:
    """The templates' environment. A template that uses a name without a value raises an error."""
    made = Environment(
        loader=FileSystemLoader((TEMPLATES, STYLE.parent)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "prose": prose,
        "sentence": sentence,
        "duration": duration_words,
        "percent": wording.percent,
    }
    return made


def code_in_html(html: str) -> str:
    """Turn `names in backticks` into code elements, in HTML whose text is escaped already."""
    return BACKTICKS.sub(r"<code>\1</code>", html)


def prose(text: object) -> Markup:
    """A text as HTML: escaped, and with its `names in backticks` as code."""
    return Markup(code_in_html(str(escape(text))))  # noqa: S704 - escaped in this line


def sentence(text: str) -> Markup:
    """A clause as a sentence in HTML: it begins with a capital letter and ends with a full stop."""
    ending = "" if text.endswith((".", "!", "?")) else "."
    return prose(text[:1].upper() + text[1:] + ending)
