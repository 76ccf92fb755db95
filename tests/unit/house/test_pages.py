"""The pages: the README is short, every link leads somewhere, and every room that people use has its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import PAGES, anchors, blocks, commands

from stacks.catalogue import ROOT
from stacks.lifecycle.verdict import VERDICTS

README = ROOT / "README.md"
MOST_BYTES = 9_000  # what a newcomer reads in five minutes
ROOM_PAGES = (
    "stacks",
    "stacks/run",
    "stacks/lifecycle",
    "stacks/observe",
    "stacks/campaign",
    "stacks/check",
    "stacks/hosts",
)
ROOM_PAGES += ("locustfiles", "analysis", "notebooks")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """The targets of a page's links that are not in the web."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [target for target in found if not target.startswith(("http://", "https://"))]


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= MOST_BYTES


@pytest.mark.parametrize("folder", ROOM_PAGES)
def test_the_readme_names_the_page_of_every_room(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()
    assert f"{folder}/README.md" in links(README)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


@pytest.mark.parametrize("folder", ROOM_PAGES[1:])
def test_a_page_begins_with_what_the_reader_finds_there(folder: str) -> None:
    title, _, text, *_ = (ROOT / folder / "README.md").read_text().split("\n")
    assert title.startswith("# ")
    assert text.startswith("This page ")


def test_every_verdict_has_a_row_in_the_table_of_the_verdicts() -> None:
    page = (ROOT / "stacks/lifecycle/README.md").read_text()
    assert all(f"| `{verdict}` |" in page for verdict in VERDICTS)


def test_every_scenario_and_every_notebook_is_on_its_page() -> None:
    for folder, form in (("locustfiles", "| `{stem}` |"), ("notebooks", "[{name}]({name})")):
        page = (ROOT / folder / "README.md").read_text()
        for path in (ROOT / folder).glob("*.py"):
            assert form.format(stem=path.stem, name=path.name) in page


def test_what_the_code_blocks_are_in() -> None:
    """A command in a block of another language, or of none, would not be run by a test."""
    assert len(commands()) >= 18
    fences = {fence for page in PAGES for fence in re.findall(r"^```(\w*)$", page.read_text(), re.MULTILINE)}
    assert fences == {
        "",
        "sh",
        "toml",
        "yaml",
    }  # '' ends each of them, and begins that of git bisect, which takes a checkout
    assert len(blocks("yaml")) == 2
