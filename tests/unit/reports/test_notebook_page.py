"""The HTML page of a notebook: every kind of output, and sentences instead of the names of objects."""

import math

import nbformat.v4 as nbf
import numpy as np
import pandas as pd
import pytest
from html_page import Page

from analysis.reports.notebook_outputs import picture, sentence, table, value_words
from analysis.reports.notebook_page import render


def page_of(*outputs, source="1"):
    return render(nbf.new_notebook(cells=[nbf.new_code_cell(source, outputs=list(outputs))]), "name")


def recorded(value):
    """The output that a kernel records for an IPython HTML object."""
    return nbf.new_output(
        "execute_result", {"text/html": value._repr_html_(), "text/plain": repr(value)}, execution_count=1
    )


def test_a_picture_that_cannot_be_drawn_is_a_sentence():
    text = page_of(recorded(picture(None, "There is no curve: `make capacity` measures it.")))
    assert "There is no curve: <code>make capacity</code> measures it." in text
    assert "object" not in Page(text).words


def test_a_sentence_stands_for_itself():
    text = page_of(recorded(sentence("raise `max-requests` in <module> of 2 * 3 * 4")))
    assert "Raise <code>max-requests</code> in &lt;module&gt; of 2 * 3 * 4." in text
    assert "`" not in Page(text).text


def test_markdown_is_rendered():
    output = nbf.new_output(
        "execute_result",
        {"text/markdown": "No `worker` hung.", "text/plain": "<IPython.core.display.Markdown object>"},
        execution_count=1,
    )
    text = page_of(output)
    assert "<p>No <code>worker</code> hung.</p>" in text
    assert "IPython" not in text


def test_names_in_backticks_in_a_table_are_code():
    output = nbf.new_output("execute_result", {"text/html": "<td>`make capacity` does</td>"}, execution_count=1)
    assert "<td><code>make capacity</code> does</td>" in page_of(output)


def test_printed_text_is_escaped():
    assert "&lt;b&gt;" in page_of(nbf.new_output("stream", name="stdout", text="<b>"))


def test_the_title_is_the_first_heading():
    book = nbf.new_notebook(cells=[nbf.new_markdown_cell("# One run\n\ntext")])
    assert "<title>One run</title>" in render(book, "one_run")
    assert "<title>one_run</title>" in render(nbf.new_notebook(), "one_run")


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (math.inf, "respawn_s", "never"),
        (math.nan, "", "-"),
        (pd.NA, "", "-"),
        (None, "", "-"),
        (1e-30, "0 fisher_p", "< 0.0001"),
        (0.03, "fisher_p 0", "0.03"),
        (np.float64(0.123456), "", "0.1235"),
        (123456.7, "", "123457"),
        ([0.5, 0.75], "difference", "0.5 to 0.75"),
        (True, "", "yes"),
        (3, "", "3"),
    ],
)
def test_values_are_shown_as_people_read_them(value, name, words):
    assert value_words(value, name) == words


def test_a_table_cuts_nothing_off_and_escapes():
    text = table([{"claim": "<b>" + "word " * 60, "t_s": math.inf}])._repr_html_()
    assert "&lt;b&gt;" + "word " * 59 in text
    assert "never" in text
    assert "..." not in text


def test_a_table_without_rows_is_a_sentence():
    assert "There are no rows" in table([])._repr_html_()
