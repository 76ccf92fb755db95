"""The page stacks/README.md: it is up to date, it is complete, and its links lead somewhere."""

from __future__ import annotations

import re

from stacks.catalogue import load
from stacks.catalogue.readme import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(load()), "run: python -m stacks page --write"


def test_the_page_names_every_stack_and_every_defect_with_its_remedy_and_its_links_lead_somewhere() -> None:
    catalogue, text = load(), page(load())
    assert all(f"\n### {name}\n" in text for name in catalogue.stacks)
    assert all(defect.remedy in text and defect.sees in text for defect in catalogue.defects.values())
    headings = [heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= set(headings)
    assert len(headings) == len(set(headings))
    files = set(re.findall(r"\]\(([^)#:]*)\)", text))
    assert all((PAGE.parent / name).is_file() for name in files)
