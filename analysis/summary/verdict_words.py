"""Puts the verdict of a cell into words: its mark, its meaning, and how it compares with the expected verdict."""

from __future__ import annotations

from typing import Any

from analysis.summary.expectations import expected_verdicts, is_unexpected
from stacks.lifecycle.verdict import VERDICTS

HANGS = tuple(verdict for verdict in VERDICTS if verdict.startswith("hung"))
DEATHS = ("dead_master", "crash_loop")
# Verdict: mark and tone. The mark tells the tone to readers who see no colour. Any other verdict has BAD.
MARKS = {"recovers": ("ok", "good"), "throttled": ("!", "warn"), "invalid": ("?", "warn"), None: ("-", "none")}
BAD = ("X", "bad")

VERDICT_MEANINGS = {
    "recovers": "every respawned worker whose outcome was seen became ready",
    "hung_worker": "a worker was forked and never became ready; the rows prove that it waits for a lock that no thread "
    "can release",
    "hung_master": "the master itself is stuck: it replaces no worker any more, or it outlives its last worker",
    "hung_request": "a worker became ready and will never answer: each of its threads waits for a lock that no thread "
    "releases",
    "hung_exit": "a worker was to leave and never ended, or it was still alive when worker-reload-mercy had passed",
    "dead_master": "the master itself ended, so no process is left to respawn a worker",
    "crash_loop": "workers die before they have answered a request, and their successors do the same",
    "throttled": "the master slept because workers respawned too fast, so the times say nothing about the stack",
    "invalid": "the run recorded too little for a verdict; it does not mean that the stack is healthy",
}


def is_failure(verdict: str | None) -> bool:
    """Return True for a verdict that says that something hung or died."""
    return verdict in (*HANGS, *DEATHS)


def mark(verdict: str | None) -> tuple[str, str]:
    """Return the mark that stands before a verdict, and its tone: good, warn, bad or none."""
    return MARKS.get(verdict, BAD)


def verdict_word(entry: dict[str, Any]) -> str:
    """Return the verdict of a cell; if it has none, whether it was not tested or not measured."""
    if entry["verdict"] is not None:
        return str(entry["verdict"])
    return "not tested" if entry["not_tested_because"] else "not measured"


def expectation(entry: dict[str, Any]) -> str:
    """Say how many of the planned runs have an expected verdict."""
    planned, wanted = len(entry["verdicts"]), " or ".join(expected_verdicts(entry))
    agree = sum(verdict in expected_verdicts(entry) for verdict in entry["verdicts"])
    if entry["verdict"] is None:
        return f"expected {wanted}"
    if is_unexpected(entry):
        return f"UNEXPECTED: {agree} of {planned} {wanted}"
    if entry["as_expected"]:
        return f"{planned} of {planned} as expected"
    return f"INCOMPLETE: {agree} of {planned} {wanted}"
