"""How an entry of summary.json is put into words, the same in the terminal and on the page."""

from __future__ import annotations

from typing import Any

from analysis.summary.summary import is_unexpected
from stacks.lifecycle.verdict import VERDICTS

HANGS = tuple(verdict for verdict in VERDICTS if verdict.startswith("hung"))
DEATHS = ("dead_master", "crash_loop")
# What a campaign's answer says of them.
FAILURES = {
    "workers did not come back": ("hung_worker", "hung_request", *DEATHS),
    "the master is stuck": ("hung_master",),
    "workers did not leave": ("hung_exit",),
}
# Mark and tone: the mark says it without colour.
MARKS = {"recovers": ("ok", "good"), "throttled": ("!", "warn"), "invalid": ("?", "warn"), None: ("-", "none")}
BAD = ("X", "bad")
MOST_NAMED = 8  # cells in a sentence

VERDICT_MEANINGS = {
    "recovers": "every respawned worker that was seen to its end became ready",
    "hung_worker": "a worker was forked, never became ready, and is proven to wait for a lock that nobody can release",
    "hung_master": "the master itself is stuck: it replaces no worker any more, or stays after its last one",
    "hung_request": "a worker came up and will never answer: each of its threads waits for a lock that nobody releases",
    "hung_exit": "a worker was to leave and never ended, or not until worker-reload-mercy was over or ignored",
    "dead_master": "the master itself ended, so nobody is left to respawn a worker",
    "crash_loop": "workers die before they are ready, and so do their successors",
    "throttled": "the master slept because workers respawned too fast, so the times say nothing about the stack",
    "invalid": "too little was seen to say anything; never to be read as healthy",
}


def cell_name(entry: dict[str, Any]) -> str:
    """A stack at a version."""
    return f"{stack_name(entry)} x {entry['version']}"


def stack_name(entry: dict[str, Any]) -> str:
    """A stack, with its variant where a campaign has several of it."""
    return " ".join(filter(None, (entry["stack"], entry.get("variant"))))


def mark(verdict: str | None) -> tuple[str, str]:
    """The mark that stands before a verdict, and its tone: good, warn, bad or none."""
    return MARKS.get(verdict, BAD)


def verdict_word(entry: dict[str, Any]) -> str:
    """The verdict, or why there is none."""
    if entry["verdict"] is not None:
        return str(entry["verdict"])
    return "not tested" if entry["not_tested_because"] else "not measured"


def expectation(entry: dict[str, Any]) -> str:
    """Whether the runs said what was expected, with their number."""
    planned = len(entry["verdicts"])
    if entry["verdict"] is None:
        return f"expected {entry['expected']}"
    if is_unexpected(entry):
        agree = entry["verdicts"].count(entry["expected"])
        return f"UNEXPECTED: {agree} of {planned} {entry['expected']}"
    if entry["as_expected"]:
        return f"{planned} of {planned} as expected"
    return f"INCOMPLETE: {entry['verdicts'].count(entry['expected'])} of {planned} {entry['expected']}"


def percent(share: float) -> str:
    """A share as a percentage with three significant digits, never rounded to 0 or 100 when it is neither."""
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f}"
    if value > 99.9:
        return ">99.9"
    return "<0.1" if value < 0.1 else f"{value:.1f}"


def hang_rate(entry: dict[str, Any]) -> str:
    """The rate in per cent, '-' without a trial."""
    return "-" if entry["hang_rate"] is None else f"{percent(entry['hang_rate'])} %"


def hang_interval(entry: dict[str, Any]) -> str:
    """Its 95 % interval in per cent."""
    if entry["hang_rate"] is None:
        return ""
    return f"{percent(entry['hang_rate_low'])} to {percent(entry['hang_rate_high'])}"


def hung_of(entry: dict[str, Any]) -> str:
    """How many hung of how many that could."""
    return f"{entry['hung']} of {entry['respawns'] + entry['hung_initial']}"


def hung_at_start(entry: dict[str, Any]) -> str:
    """Those of them that never respawned, because they hung in the first generation."""
    return f"({entry['hung_initial']} at start)" if entry["hung_initial"] else ""


def respawn_time(entry: dict[str, Any], name: str) -> str:
    """A respawn time in seconds: 'never' where the quantile did not come back, '-' where nothing respawned."""
    value = entry[name]
    if value is not None:
        return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"
    happened = entry["respawns"] or entry["verdict"] in (*HANGS, *DEATHS)
    return "never" if happened else "-"


def number(value: float | None) -> str:
    """A rate or a count with as many digits as mean something, '-' where unknown."""
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) and value < 100 else f"{value:.0f}"


def stop(entry: dict[str, Any]) -> str:
    """What ended the stack, and after how long."""
    if entry["runs"] == 0:
        return "-"
    seconds = "" if entry["stop_s"] is None else f" after {entry['stop_s']:.1f} s"
    if not entry["stop_signal"]:
        return "had ended by itself"
    if entry["stop_signal"] == "KILL":
        return f"nothing, killed{seconds}"
    return f"{entry['stop_signal']}{seconds}"


def _names(cells: list[dict[str, Any]]) -> str:
    named = [cell_name(cell) for cell in cells[:MOST_NAMED]]
    return ", ".join(named) + (f" and {len(cells) - MOST_NAMED} more" if len(cells) > MOST_NAMED else "")


def cells_of(count: int) -> str:
    """So many cells, in words."""
    return f"{count} cell{'' if count == 1 else 's'}"


def answer(summary: dict[str, Any]) -> str:
    """Do the workers come back? The campaign in a sentence or three."""
    cells = summary["cells"]
    lost = [c for c in cells if c["verdict"] in (*HANGS, *DEATHS)]
    back = [c for c in cells if c["verdict"] == "recovers"]
    open_ = [c for c in cells if c not in lost and c not in back]
    parts = []
    for what, verdicts in FAILURES.items():
        failed = [c for c in lost if c["verdict"] in verdicts]
        if failed:
            parts.append(f"In {len(failed)} of {cells_of(len(cells))} {what}: {_names(failed)}.")
    if back:
        parts.append(f"In {len(back)} of {cells_of(len(cells))} every worker came back.")
    if open_:
        parts.append(f"{cells_of(len(open_))} could not be judged: {_names(open_)}.")
    if not cells:
        return "Nothing was measured: the campaign has no cell."
    short = [c for c in cells if 0 < c["runs"] < len(c["verdicts"])]
    if short:
        parts.append(f"Fewer runs than planned: {_names(short)}.")
    unexpected = [c for c in cells if is_unexpected(c)]
    if unexpected:
        parts.append(f"Not as expected: {_names(unexpected)}.")
    elif all(c["as_expected"] for c in cells):
        parts.append("All of it as expected.")
    return " ".join(parts)


def evidence_groups(summary: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Every distinct evidence once, with the cells that show it."""
    groups: dict[str, list[str]] = {}
    for entry in summary["cells"]:
        if entry["evidence"]:
            groups.setdefault(entry["evidence"], []).append(cell_name(entry))
    return list(groups.items())


def causes(summary: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What is known to be behind the hangs that were expected, and what helps, each once with its cells."""
    groups: dict[str, list[str]] = {}
    for entry in summary["cells"]:
        for cause in entry["causes"] if entry["verdict"] in (*HANGS, *DEATHS) and entry["as_expected"] else ():
            text = f"{cause['what']}. Remedy: {cause['remedy']}. See {', '.join(cause['upstream'])}."
            groups.setdefault(f"{text[0].upper()}{text[1:]}", []).append(cell_name(entry))
    return list(groups.items())


def generator_warning(entry: dict[str, Any]) -> str:
    """What answered/s cannot say where Locust was the limit, or ''."""
    if not entry.get("generator_limited"):
        return ""
    return (
        f"the load generator was the limit in {entry['generator_limited']} of {entry['runs']} runs "
        f"({entry['generator_why']}): answered/s is what Locust could ask, not what the stack can answer. "
        "Lower USERS, or let the scenario use FastUser."
    )
