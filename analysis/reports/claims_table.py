"""Prints judged claims in the terminal, each with its findings and the runs behind them."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from analysis.reports.claims import FAILS, HOLDS, UNKNOWN, JudgedClaim
from analysis.reports.terminal import STYLES, console

TONES = {HOLDS: "good", FAILS: "bad", UNKNOWN: "warn"}


def show(judged: list[JudgedClaim], to: Console | None = None) -> None:
    """Print the claims on `to` (default: stdout)."""
    to = to or console()
    for number, claim in enumerate(judged, start=1):
        to.print(Text(f"{number:2} ").append(claim.text, "bold"))
        to.print(Text("   ").append(claim.result, STYLES[TONES[claim.result]]))
        for finding in claim.findings:
            to.print(Text(f"     {finding.text}"), soft_wrap=True)
            if finding.runs:
                to.print(Text(f"     runs: {', '.join(finding.runs)}", "dim"), soft_wrap=True)
        to.print()
