"""Public claims against the runs of a claims campaign: holds, does not hold, or cannot be tested here, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from analysis.frames.answers import connection
from analysis.frames.campaigns import Campaign
from analysis.reports.terminal import STYLES, console
from analysis.summary import wording
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RUN_FILE, read_events, read_json

CLAIMS_FILE = "claims.json"
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be tested here"
TONES = {HOLDS: "good", FAILS: "bad", UNKNOWN: "warn"}


@dataclass(frozen=True)
class Finding:
    """One thing that a claim implies, and what came out."""

    holds: bool | None  # None: could not be tested
    said: str
    runs: list[str]


@dataclass(frozen=True)
class Judged:
    """A claim with its findings."""

    says: str
    result: str
    findings: list[Finding]


def respawned_logged(directory: Path) -> tuple[bool | None, str]:
    """Whether the log says Respawned for the workers that hung."""
    events = list(read_events(directory / EVENTS_FILE))
    logged = {event.pid for event in events if event.kind == "respawned" and event.source == "log"}
    hung = [e.pid for e in Lifecycle.of(events).episodes() if e.outcome == "hung_at_fork" and e.generation]
    named = sum(pid in logged for pid in hung)
    return (
        named == len(hung) if hung else None
    ), f"Respawned stands in the log for {named} of {len(hung)} hung workers"


def no_answers_after(directory: Path) -> tuple[bool | None, str]:
    """Whether nothing was answered any more once every slot had been hung."""
    episodes = Lifecycle.of(read_events(directory / EVENTS_FILE)).episodes()
    last = {episode.slot: episode for episode in episodes}
    forked = [episode.forked_ns for episode in last.values()]
    if any(e.outcome != "hung_at_fork" for e in last.values()) or None in forked or not forked:
        return None, "not every worker hung"
    outage_ns = max(ns for ns in forked if ns is not None)
    query = (
        "SELECT count(*) FILTER (WHERE error = '' AND start_ns + latency_us * 1000 > $1), "
        "count(*) FILTER (WHERE start_ns + latency_us * 1000 > $1) FROM read_parquet($2)"
    )
    row = connection().execute(query, [outage_ns, str(directory / REQUESTS_FILE)]).fetchone()
    answered, waiting = row if row is not None else (0, 0)
    return answered == 0, f"{answered} of {waiting} requests were answered once every worker was hung"


def only_kill_ends_it(directory: Path) -> tuple[bool | None, str]:
    """Whether a run that waited for a signal to work was ended by none."""
    run = read_json(directory / RUN_FILE)
    if not run.get("plan", {}).get("patient"):
        return None, ""
    tried = ", ".join(f"{row['signal']} for {row['waited_s']:.1f} s" for row in run["stop"]["tried"])
    signal = run["stop"]["signal"]
    return signal == "KILL", f"tried {tried}: " + ("nothing ended it" if signal == "KILL" else f"{signal} ended it")


def waits_for_gil(directory: Path) -> tuple[bool | None, str]:
    """Whether the backtrace of a hung worker shows the wait for the GIL."""
    evidence = read_json(directory / RUN_FILE)["evidence"]
    if not evidence or "no backtrace" in evidence:
        return None, "no backtrace could be taken (gdb is missing or not permitted)"
    return "take_gil" in evidence, evidence


def stats_status_differs(directory: Path) -> tuple[bool | None, str]:
    """Whether `status` in uWSGI's own stats differs for a hung worker."""
    run = read_json(directory / RUN_FILE)
    workers = run.get("stats")
    if not workers:
        return None, "the stats were not read"
    episodes = Lifecycle.of(read_events(directory / EVENTS_FILE)).episodes()
    hung = {episode.pid for episode in episodes if episode.outcome == "hung_at_fork"}
    shown = [worker for worker in workers if worker["pid"] in hung]
    if not shown:
        return None, "no hung worker stood in the stats"
    idle = sum(worker["status"] == "idle" for worker in shown)
    closed = sum(worker["accepting"] == 0 for worker in shown)
    return idle < len(shown), f"{idle} of {len(shown)} hung workers are idle, {closed} have accepting 0"


FACTS: dict[str, Callable[[Path], tuple[bool | None, str]]] = {
    "respawned-logged": respawned_logged,
    "no-answers-after": no_answers_after,
    "only-kill-ends-it": only_kill_ends_it,
    "waits-for-gil": waits_for_gil,
    "stats-status-differs": stats_status_differs,
}


def _verdict(entry: dict[str, Any], directories: list[Path], wanted: str) -> Finding:
    name, runs = wording.cell_name(entry), [path.name for path in directories]
    if entry["verdict"] in (None, "invalid"):
        why = entry["not_tested_because"] or entry["reason"] or "no run of it ended"
        return Finding(None, f"{name}: {wording.verdict_word(entry)}, {why}", runs)
    trials = entry["respawns"] + entry["hung_initial"]
    rate = f"{wording.hung_of(entry)} hung ({wording.hang_interval(entry)} %)" if trials else "no respawn"
    agree = sum(verdict == wanted for verdict in entry["verdicts"])
    said = f"{name}: {wanted} in {agree} of {len(entry['verdicts'])} runs; {rate}"
    return Finding(agree == len(entry["verdicts"]), said, runs)


def _fact(entry: dict[str, Any], directories: list[Path], name: str) -> Finding:
    found = [(path, *FACTS[name](path)) for path in directories]
    told = [(path, holds, said) for path, holds, said in found if holds is not None]
    runs = [path.name for path, _, _ in told]
    if not told:
        why = next((said for _, _, said in found if said), entry["not_tested_because"] or "no run of it ended")
        return Finding(None, f"{wording.cell_name(entry)}: {why}", runs)
    said = "; ".join(dict.fromkeys(said for _, _, said in told))
    return Finding(all(holds for _, holds, _ in told), f"{wording.cell_name(entry)}: {said}", runs)


def judge(campaign: Campaign, summary: dict[str, Any], claims: list[dict[str, Any]]) -> list[Judged]:
    """Every claim; one that fails in one implication does not hold, whatever the others say."""
    entries = {(entry["stack"], entry["version"]): entry for entry in summary["cells"]}
    counted = campaign.counted
    judged = []
    for claim in claims:
        findings = []
        for key, make in (("implies", _verdict), ("shows", _fact)):
            for stack, version, what in claim.get(key, ()):
                of_cell = counted[(counted["stack_id"] == stack) & (counted["version"] == version)]
                findings.append(make(entries[stack, version], [Path(path) for path in of_cell["path"]], what))
        states = [finding.holds for finding in findings]
        result = FAILS if False in states else UNKNOWN if None in states else HOLDS
        judged.append(Judged(claim["says"], result, findings))
    return judged


def as_json(judged: list[Judged], schema: int) -> dict[str, Any]:
    """claims.json."""
    return {"schema": schema, "claims": [asdict(claim) for claim in judged]}


def show(judged: list[Judged], to: Console | None = None) -> None:
    """Print every claim with its findings."""
    to = to or console()
    for number, claim in enumerate(judged, start=1):
        to.print(Text(f"{number:2} ").append(claim.says, "bold"))
        to.print(Text("   ").append(claim.result, STYLES[TONES[claim.result]]))
        for finding in claim.findings:
            to.print(Text(f"     {finding.said}"), soft_wrap=True)
            if finding.runs:
                to.print(Text(f"     runs: {', '.join(finding.runs)}", "dim"), soft_wrap=True)
        to.print()
