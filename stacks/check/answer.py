"""The answer of a check for a person, in ten lines: what comes back, what does not, and the change that helps most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stacks.check.best_change import BestChange
from stacks.check.diagnosis import Findings
from stacks.check.lost_threads import lost_threads_text
from stacks.check.measurement import Measurement
from stacks.check.options import is_set
from stacks.check.paste_lines import PastePlace, paste_lines
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.ways_text import ways_lines
from stacks.lifecycle.counted import counted
from stacks.lifecycle.rates import highest_rate_without_hang
from stacks.lifecycle.way_results import CAME_BACK

INDENT = "    "
MOST_EVIDENCE = 200  # characters; the page has all of it


def answer_lines(
    findings: Findings,
    workers: int,
    ways: Sequence[TakenWay],
    verdict: str,
    change: BestChange | None,
    place: PastePlace,
    advice: Sequence[str],
) -> list[str]:
    """Return the lines. `ways` come with the worst first, and `verdict` is that of the check."""
    word = "the workers come back" if verdict in CAME_BACK else "the workers DO NOT come back"
    if verdict in CAME_BACK and not is_set(findings.options, "master"):
        word += " with a master, which your configuration does not set"
    lines = [f"{findings.server.describe()}, {workers} worker(s): {word} ({verdict})"]
    lines += [line[0].upper() + line[1:] for line in ways_lines(ways)]
    if findings.measurement.evidence:
        lines.append(f"Evidence: {_shortened(findings.measurement.evidence)}")
    lines.append(_cost(findings, ways))
    if lost := lost_threads_text(findings):
        lines.append(f"Threads: {lost}")
    return [*lines, *_change_lines(findings, ways, change, place, advice)]


def page_line(page: Path, advice: Sequence[str], seconds: float) -> str:
    """Return the last line, which names the results page."""
    more = f", {len(advice)} pieces of advice" if len(advice) > 1 else ""
    return f"The table of all ways{more}, and what the check changed in its copy: {page} ({seconds:.0f} s)"


def _cost(findings: Findings, ways: Sequence[TakenWay]) -> str:
    """Return one line about the rates and times at max-requests, and about the worst outage of a way that is sound."""
    run = findings.measurement
    on_starts = f" on {run.starts} starts" if run.starts > 1 else ""
    texts = [f"{run.respawns} of {run.trials} respawns came back{on_starts}"] if run.trials else []
    if not run.is_hang and (most := highest_rate_without_hang(run.trials)) is not None:
        texts[-1] += f", so at most {100 * most:.0f} % hang (95 %)"
        if on_starts:
            texts[-1] += f", and at most {100 * (highest_rate_without_hang(run.starts) or 0):.0f} % of the starts"
    if run.recycle_median_s is not None:
        texts.append(f"a recycle takes {run.recycle_median_s:.1f} s")
    outages = [(taken.result.nothing_s, taken.way.name) for taken in ways if taken.result.verdict in CAME_BACK]
    longest_s, name = max((one for one in outages if one[1] != "max-requests"), default=(0.0, ""))
    if longest_s > 0:
        texts.append(f"{name} answers nothing for {longest_s:.1f} s")
    losing = [f"{taken.way.name} ({sum(taken.result.lost.values())})" for taken in ways if taken.result.lost]
    texts.append(f"requests lost at {', '.join(losing)}" if losing else _without_losses(run))
    return f"Cost: {'; '.join(texts)}"


def _without_losses(run: Measurement) -> str:
    """Say what became of the requests if none counts as lost: one that has just begun counts as open at the end."""
    if not run.hung_in_request:
        return "no request was lost"
    one, more = "worker has a request that it never answers", "workers have a request each that they never answer"
    return counted(run.hung_in_request, one, more)


def _change_lines(
    findings: Findings,
    ways: Sequence[TakenWay],
    change: BestChange | None,
    place: PastePlace,
    advice: Sequence[str],
) -> list[str]:
    if change is not None:
        where = "" if change.package and not (change.set or change.drop) else f" In {place.where}:"
        lines = paste_lines(change, place, dict(findings.options))
        why = change.why.rstrip(".")
        return [f"The change that helps most: {why}.{where}", *(f"{INDENT}{line}" for line in lines)]
    if not any(taken.result.fails for taken in ways):
        return [f"What to change: {_shortened(advice[0])}"] if advice else ["Nothing to change."]
    known = [text for text in advice if text.startswith(("Known remedy", "Recommended change"))]
    worst = next((str(taken.directory) for taken in ways if taken.result.fails and taken.directory), "")
    return [f"No change that cures this was found. {known[0] if known else f'The recordings are in {worst}.'}"]


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_EVIDENCE else f"{text[: MOST_EVIDENCE - 3]}..."
