"""Answers in sentences what a campaign was run for: do the workers come back, and what is behind the hangs?"""

from __future__ import annotations

from typing import Any

from analysis.summary.expectations import is_unexpected
from analysis.summary.verdict_words import DEATHS, is_failure
from analysis.summary.wording import cell_count, cell_name
from stacks.lifecycle.lost_threads import ThreadTable, lost_sentence

# What failed: the verdicts that say so.
FAILURES = {
    "workers did not come back": ("hung_worker", "hung_request", *DEATHS),
    "the master is stuck": ("hung_master",),
    "workers did not leave": ("hung_exit",),
}
MOST_NAMED = 8  # cells in a sentence
KNOWN_DEFECTS = "These are known defects, seen as known: no verdict differs from the expected one."


def _names(cells: list[dict[str, Any]]) -> str:
    named = [cell_name(cell) for cell in cells[:MOST_NAMED]]
    return ", ".join(named) + (f" and {len(cells) - MOST_NAMED} more" if len(cells) > MOST_NAMED else "")


def answer(summary: dict[str, Any]) -> str:
    """Say in a few sentences in which cells the workers come back, and in which they do not."""
    cells = summary["cells"]
    if not cells:
        return "Nothing was measured: the campaign has no cell."
    failed = [c for c in cells if is_failure(c["verdict"])]
    recovered = [c for c in cells if c["verdict"] == "recovers"]
    undecided = [c for c in cells if c not in failed and c not in recovered]
    sentences = []
    for failure, verdicts in FAILURES.items():
        of_kind = [c for c in failed if c["verdict"] in verdicts]
        if of_kind:
            sentences.append(f"In {len(of_kind)} of {cell_count(len(cells))} {failure}: {_names(of_kind)}.")
    if recovered:
        sentences.append(f"In {len(recovered)} of {cell_count(len(cells))} every worker came back.")
    if undecided:
        sentences.append(f"{cell_count(len(undecided))} could not be judged: {_names(undecided)}.")
    short = [c for c in cells if 0 < c["runs"] < len(c["verdicts"])]
    if short:
        sentences.append(f"Fewer runs than planned: {_names(short)}.")
    unexpected = [c for c in cells if is_unexpected(c)]
    if unexpected:
        sentences.append(f"Not as expected: {_names(unexpected)}.")
    elif all(c["as_expected"] for c in cells):
        sentences.append(KNOWN_DEFECTS if failed else "All cells are as expected.")
    return " ".join(sentences)


def evidence_groups(summary: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return every distinct evidence once, with the names of the cells that show it."""
    groups: dict[str, list[str]] = {}
    for entry in summary["cells"]:
        if entry["evidence"]:
            groups.setdefault(entry["evidence"], []).append(cell_name(entry))
    return list(groups.items())


def lost_threads(summary: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return every distinct sentence about threads that the fork loses once, with the names of its cells."""
    groups: dict[str, list[str]] = {}
    for entry in summary["cells"]:
        if sentence := lost_sentence(ThreadTable.of(entry["fork_threads"])):
            groups.setdefault(f"{sentence}.", []).append(cell_name(entry))
    return list(groups.items())


def causes(summary: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Return every known cause of the expected failures once, with its remedy, and the names of its cells."""
    groups: dict[str, list[str]] = {}
    for entry in summary["cells"]:
        for cause in entry["causes"] if is_failure(entry["verdict"]) and entry["as_expected"] else ():
            text = f"{cause['what']}. Remedy: {cause['remedy']}. See {', '.join(cause['upstream'])}."
            groups.setdefault(f"{text[0].upper()}{text[1:]}", []).append(cell_name(entry))
    return list(groups.items())
