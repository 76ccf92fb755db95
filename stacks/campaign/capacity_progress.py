"""Shows the runs of `capacity` by their answers a second, because hardly any of these runs has a verdict."""

from __future__ import annotations

from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.progress import Progress
from stacks.campaign.service_time import answered_rps


class CapacityProgress(Progress):
    """A `Progress` whose lines have the throughput instead of the verdict."""

    def run_ended(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """Print one line. On a terminal only a failed run has one, because the table shows the others."""
        if record["status"] != "done":
            super().run_ended(campaign, index, record)
        elif not self.is_live:
            rps = answered_rps(campaign.directory / record["run_id"], record)
            throughput = "no answer" if rps is None else f"{rps:.0f} requests/s"
            respawns = (record.get("counts") or {}).get("respawns", 0)
            self.print_line(campaign, record, f"{throughput}, {respawns} respawns")
