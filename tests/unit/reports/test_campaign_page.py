"""The page of a campaign: one file, complete, and safe with any text that a run recorded."""

import re

import pytest
from html_page import Page
from results_builder import Builder, hanging, recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.reports.campaign_page import PAGE_FILE, render, write_page
from analysis.summary.summary import summarise


def rendered(path):
    campaign = load_campaign(path)
    return render(campaign, summarise(campaign))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return rendered(typical(tmp_path_factory.mktemp("page") / "campaign"))


def test_it_is_one_file_without_scripts_or_outside_addresses(text):
    page = Page(text)
    assert page.named("script") == []
    assert page.named("link") == []
    assert not re.search(r"https?://|@import|url\((?!#)|\son\w+=", text)
    assert page.named("img") == []


def test_its_structure_serves_screen_readers(text):
    page = Page(text)
    assert page.named("html")[0]["lang"] == "en"
    assert len(page.named("main")) == len(page.named("h1")) == 1
    assert page.named("svg")
    assert all(len(figure["aria-label"]) > 40 for figure in page.named("svg"))
    assert {header["scope"] for header in page.named("th")} == {"col", "row"}


def test_it_answers_first_and_says_how_to_repeat(text):
    words = Page(text).words
    answer = "In 2 of 6 cells workers did not come back: threads x py312-2.0.26"
    assert words.index(answer) < words.index("hang rate")
    assert "python -m stacks loadtest --seed 1" in words
    assert "take_gil <- PyEval_RestoreThread" in words
    assert "hung_master the master itself is stuck" in words
    assert "no signal, killed after 2.5 s" in words
    assert "cpu Xeon" in words
    assert "commit 0123abc" in words
    assert "Left out" not in words


def test_it_says_what_is_missing(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12 was found")
    builder.cell()
    damaged = builder.run("recovers", recovering())
    (damaged / "requests.parquet").unlink()
    builder.cell("plain")
    builder.run("invalid", None, status="failed", error="bind(): address in use", load={}, stop=None)
    page = Page(rendered(builder.write(status="interrupted")))
    assert "interrupted" in page.words
    assert "- not tested expected hung_worker no Python 3.12 was found" in page.words
    assert "requests.parquet: missing" in page.words.split("Left out")[1]
    assert "bind(): address in use" in page.words
    assert page.named("svg") == []


def test_an_empty_campaign_has_a_page(tmp_path):
    assert "Nothing was measured" in Page(rendered(Builder(tmp_path / "campaign").write(host=None, git=None))).words


def test_texts_of_a_run_cannot_become_markup(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell(what="<script>alert(1)</script>")
    builder.run("hung_worker", hanging(), reason="<img src=x onerror=alert(2)>", evidence="a<b>c")
    text = rendered(builder.write(command="loadtest '</pre><script>'"))
    page = Page(text)
    assert page.named("script") == []
    assert "<script>alert(1)</script>" in page.words
    assert "a<b>c" in page.words


def test_threads_that_the_fork_loses_have_a_section(tmp_path):
    threads = [
        {"thread": "APScheduler", "kind": "python", "package": "apscheduler", "file": "x.py"},
        {"thread": "polars-0", "kind": "native", "package": "", "file": ""},
        {"thread": "only-in-workers", "kind": "python", "package": "", "file": "app.py"},
    ]
    counts = [
        {"in_master": 1, "in_workers": 0},
        {"in_master": 2, "in_workers": None},
        {"in_master": 0, "in_workers": 1},
    ]
    rows = [thread | count for thread, count in zip(threads, counts, strict=True)]
    builder = Builder(tmp_path / "campaign")
    for stack in ("threads", "work"):
        builder.cell(stack)
        builder.run("recovers", recovering(), fork_threads=None)
        table = {"threads": rows, "workers": 2, "answered": True, "reason": ""}
        builder.run("recovers", recovering(), fork_threads=table)
    words = Page(rendered(builder.write())).words
    section = words.split("Threads that the fork loses")[1]
    cells = "threads x py312-2.0.30.post1, work x py312-2.0.30.post1"
    assert f"APScheduler {cells} apscheduler 1 0 of 2 after requests" in section
    assert f"polars-0 {cells} native code 2 not seen" in section
    assert "only-in-workers" not in section


def test_a_campaign_whose_masters_have_no_threads_has_no_section_about_them(text):
    assert "Threads that the fork loses" not in text


def test_names_in_backticks_are_code(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="`uv python install 3.12` <failed>")
    builder.cell("lazy", what="`lazy-apps` on")
    builder.run("invalid", recovering(), reason="raise `max-requests`")
    text = rendered(builder.write())
    assert "`" not in Page(text).text
    assert "<code>uv python install 3.12</code> &lt;failed&gt;" in text
    assert "<code>max-requests</code>" in text
    assert "<code>lazy-apps</code>" in text


def test_settings_in_the_names_are_explained(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("work", variant="w8t1m144d24")
    builder.run("recovers", recovering())
    builder.cell("work-lazy", variant="w1t2")
    builder.run("recovers", recovering())
    words = Page(rendered(builder.write())).words
    assert "w8t1m144d24 8 workers of 1 thread, max-requests 144, max-requests-delta 24" in words
    assert "w1t2 1 worker of 2 threads, no recycling" in words


def test_a_campaign_without_settings_in_its_names_does_not_explain_them(text):
    assert "names of the runs" not in text


def test_it_is_replaced_at_once(tmp_path):
    campaign = load_campaign(typical(tmp_path / "campaign"))
    (campaign.path / PAGE_FILE).write_text("old")
    path = write_page(campaign, summarise(campaign))
    assert path == campaign.path / PAGE_FILE
    assert path.read_text().endswith("</html>")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in campaign.path.iterdir() if p.name.startswith(".")] == []
