"""The filters of the HTML pages: names in backticks become code, and no text becomes markup."""

import pytest
from jinja2 import UndefinedError

from analysis.reports.page_templates import environment, prose, sentence


def test_names_in_backticks_become_code():
    assert prose("`make loadtest` or `make capacity`") == "<code>make loadtest</code> or <code>make capacity</code>"


def test_everything_else_is_escaped():
    assert prose("`<b>` & <i>") == "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"


def test_a_clause_becomes_a_sentence():
    assert sentence("`make` measures it") == "<code>make</code> measures it."
    assert sentence("it holds.") == "It holds."


def test_a_name_without_a_value_is_an_error():
    with pytest.raises(UndefinedError):
        environment().from_string("{{ nothing }}").render()
