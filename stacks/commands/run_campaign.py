"""Runs a campaign, shows its progress, and prints its summary. `loadtest`, `matrix` and `claims` share it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from stacks.commands import exit_codes

if TYPE_CHECKING:
    from stacks.campaign.campaign import Campaign


def run_campaign(campaign: Campaign) -> int:
    """Run the campaign and its summary. Return the higher of their two exit codes."""
    from rich.console import Console

    from stacks.campaign.progress import Progress, prepared
    from stacks.campaign.runner import carry_out
    from stacks.catalogue import ROOT

    console = Console(stderr=True)
    with prepared(campaign, console), Progress(console) as progress:
        code = carry_out(campaign, progress)
    if not any(record["status"] == "done" for _, record in campaign.done) and not campaign.not_tested:
        console.print(f"No run came to a verdict. The records are in {campaign.directory}.", soft_wrap=True)
        return exit_codes.NOT_MEASURED
    # The analysis runs in a process of its own, because `stacks` may not import it.
    command = [sys.executable, "-m", "analysis", "summary", str(campaign.directory)]
    summary = subprocess.run(command, cwd=ROOT, check=False)
    worst = max(code, summary.returncode)
    if worst:
        console.print(f"exit code {worst}: {exit_codes.MEANINGS.get(worst, 'the summary failed')}", highlight=False)
    return worst
