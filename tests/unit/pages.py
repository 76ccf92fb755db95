"""The pages of the pack that people read, for tests of their links and commands."""

from __future__ import annotations

import re
from pathlib import Path

from stacks.catalogue import ROOT

FOLDERS = ("stacks", "analysis", "locustfiles", "notebooks", "tests")
# Their links count from the page that is made of them.
PARTS = {ROOT / "analysis" / "reports" / "templates", ROOT / "stacks" / "catalogue" / "prose"}
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.md") if not PARTS & set(p.parents)),
    ]
)


def blocks(language: str) -> list[str]:
    """The texts of all code blocks in this language, in the order of the pages."""
    texts = [path.read_text(encoding="utf-8") for path in PAGES]
    return [block for text in texts for block in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)]


def commands() -> list[str]:
    """Every command of every `sh` block; one that several pages have counts once."""
    return list(dict.fromkeys(line for block in blocks("sh") for line in block.splitlines() if line))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub and GitLab give to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
