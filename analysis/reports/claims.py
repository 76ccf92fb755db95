"""Judges public claims by the runs of a claims campaign: each holds, does not hold, or cannot be tested here.

Owns the format of claims.json.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.frames.campaigns import Campaign
from analysis.reports.claim_facts import FACTS
from analysis.summary import verdict_words, wording

CLAIMS_FILE = "claims.json"
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be tested here"


@dataclass(frozen=True)
class Finding:
    """One thing that a claim implies, and what the runs say of it."""

    holds: bool | None  # None: could not be tested
    text: str
    runs: list[str]


@dataclass(frozen=True)
class JudgedClaim:
    """The text of a claim, HOLDS, FAILS or UNKNOWN, and the findings behind it."""

    text: str
    result: str
    findings: list[Finding]


def judge(campaign: Campaign, summary: dict[str, Any], claims: list[dict[str, Any]]) -> list[JudgedClaim]:
    """Judge every claim: a claim fails if one of its implications fails, whatever became of the others.

    A claim has the keys `says`, `implies` (stack, version, verdict) and `shows` (stack, version, name of a fact).
    """
    entries = {(entry["stack"], entry["version"]): entry for entry in summary["cells"]}
    counted = campaign.counted
    judged = []
    for claim in claims:
        findings = []
        for key, find in (("implies", _verdict_finding), ("shows", _fact_finding)):
            for stack, version, what in claim.get(key, ()):
                of_cell = counted[(counted["stack_id"] == stack) & (counted["version"] == version)]
                entry = entries.get((stack, version))
                if entry is None:
                    findings.append(Finding(None, f"{stack} at {version}: its entry in campaign.json is damaged", []))
                else:
                    findings.append(find(entry, [Path(path) for path in of_cell["path"]], what))
        states = [finding.holds for finding in findings]
        result = FAILS if False in states else UNKNOWN if None in states else HOLDS
        judged.append(JudgedClaim(claim["says"], result, findings))
    return judged


def as_json(judged: list[JudgedClaim], schema: int) -> dict[str, Any]:
    """The contents of claims.json."""
    return {
        "schema": schema,
        "claims": [
            {
                "says": claim.text,
                "result": claim.result,
                "findings": [{"holds": f.holds, "said": f.text, "runs": f.runs} for f in claim.findings],
            }
            for claim in judged
        ],
    }


def _verdict_finding(entry: dict[str, Any], directories: list[Path], expected: str) -> Finding:
    """Whether all runs of the cell have the verdict `expected`."""
    name, runs = wording.cell_name(entry), [path.name for path in directories]
    if entry["verdict"] in (None, "invalid"):
        why = entry["not_tested_because"] or entry["reason"] or "no run of it ended"
        return Finding(None, f"{name}: {verdict_words.verdict_word(entry)}, {why}", runs)
    trials = entry["respawns"] + entry["hung_initial"]
    rate = f"{wording.hung_of(entry)} hung ({wording.hang_interval(entry)} %)" if trials else "no respawn"
    count = len(entry["verdicts"])
    agree = sum(verdict == expected for verdict in entry["verdicts"])
    return Finding(agree == count, f"{name}: {expected} in {agree} of {count} runs; {rate}", runs)


def _fact_finding(entry: dict[str, Any], directories: list[Path], fact: str) -> Finding:
    """Return whether `fact`, a key of FACTS, holds in each run of the cell that can tell. Unknown if no run can."""
    name = wording.cell_name(entry)
    answers = [(path, *FACTS[fact](path)) for path in directories]
    decided = [(path, holds, text) for path, holds, text in answers if holds is not None]
    runs = [path.name for path, _, _ in decided]
    if not decided:
        why = next((text for _, _, text in answers if text), entry["not_tested_because"] or "no run of it ended")
        return Finding(None, f"{name}: {why}", runs)
    texts = "; ".join(dict.fromkeys(text for _, _, text in decided))
    return Finding(all(holds for _, holds, _ in decided), f"{name}: {texts}", runs)
