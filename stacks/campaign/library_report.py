"""Writes the page of the libraries from the directories of campaigns, and prints its first table in the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stacks.campaign import library_words as words
from stacks.campaign.library_advice import HANGS, HARMS, OK, UNKNOWN, advice, state
from stacks.campaign.library_page import page
from stacks.campaign.library_results import LibraryResult, LibraryResults, read_results
from stacks.catalogue import STACKS
from stacks.catalogue.libraries import MODES, LibraryCatalogue

PAGE = STACKS / "LIBRARIES.md"
NAME = "libraries.md"  # beside the results


def write_page(directories: list[Path], libraries: LibraryCatalogue, *, is_for_pack: bool) -> Path:
    """Write the page beside the last of the results, and print its first table. Returns the path of the page.

    With `is_for_pack`, write stacks/LIBRARIES.md as well. Raises RecordError and OSError.
    """
    directories = [directory.resolve() for directory in directories]
    results = read_results(directories)
    path = directories[-1] / NAME
    path.write_text(page(results, libraries, f"{os.path.relpath(STACKS, path.parent)}/"), encoding="utf-8")
    if is_for_pack:
        PAGE.write_text(page(results, libraries), encoding="utf-8")
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table(results, libraries))
    return PAGE if is_for_pack else path


def table(results: LibraryResults, libraries: LibraryCatalogue) -> Table:
    """Return a table with a row for each library that was measured."""
    rows = Table(box=None, pad_edge=False)
    for title in ("library", *MODES, "what to set"):
        rows.add_column(title)
    for library in libraries.libraries.values():
        of_library = [results.of(library.name, mode) for mode in MODES]
        if any(of_library):
            rows.add_row(library.name, *map(_field, of_library), advice(*of_library))
    return rows


def _field(result: LibraryResult | None) -> Text:
    text, harm = f"{words.verdict(result)} {words.numbers(result)}".strip(), state(result)
    if harm == UNKNOWN:
        return Text(text, "dim")
    return Text(text, "green") if harm == OK else Text(text if harm == HANGS else f"{text}, {HARMS[harm]}", "red")
