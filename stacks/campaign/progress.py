"""Shows a campaign on a terminal or in a log: a live table, or one line for every run that has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console
from rich.live import Live

from stacks.campaign.campaign import Campaign
from stacks.campaign.progress_table import render
from stacks.lifecycle.counted import counted
from stacks.lifecycle.rates import tally
from stacks.run.run_servers import RunServers


@contextmanager
def prepared(campaign: Campaign, console: Console) -> Iterator[None]:
    """Prepare the campaign for the runs of the block. Its fork servers end with the block, however that ends."""
    campaign.servers = RunServers()  # they load while the environments are made
    try:
        _make_environments(campaign, console)
        yield
    finally:
        campaign.servers.close()
        campaign.servers = None


def _make_environments(campaign: Campaign, console: Console) -> None:
    """Prepare the campaign, and print which versions cannot be tested, each reason once."""
    if not console.is_terminal:
        console.print(f"environments: {len({cell.version for cell in campaign.cells})}")
    with console.status("environments") as status:
        campaign.prepare(lambda number, of: status.update(f"environments: {number} of {of}"))
    versions_by_reason: dict[str, list[str]] = {}
    for version, reason in campaign.untested_versions().items():
        versions_by_reason.setdefault(reason, []).append(version)
    for reason, versions in versions_by_reason.items():
        console.print(f"{', '.join(versions)}: not tested, because {reason}", markup=False, soft_wrap=True)
    tested = len(campaign.cells) - len(campaign.not_tested)
    console.print(f"{len(campaign.runs)} runs of {tested} cell{'' if tested == 1 else 's'}", highlight=False)


class Progress:
    """A `View`: a live table on a terminal, otherwise a line for every run that has ended."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None

    @property
    def is_live(self) -> bool:
        """True if there is a live table."""
        return self._live is not None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def update(self, campaign: Campaign) -> None:
        """Draw the table again."""
        if self._live is not None:
            self._live.update(render(campaign, time.monotonic()))

    def run_ended(self, campaign: Campaign, _index: int, record: dict[str, Any]) -> None:
        """Print one line. On a terminal only a failed run has one, because the table shows the others."""
        if self._live is None or record["status"] != "done":
            hung, seen = tally(record.get("counts") or {})
            result = record["verdict"] if record["status"] == "done" else f"{record['status']}: {record['error']}"
            numbers = (
                f"{hung} of {counted(seen, 'worker', 'workers')} hung at the fork, {record.get('duration_s', 0):.1f} s"
            )
            self.print_line(campaign, record, f"{result} ({numbers})")

    def print_line(self, campaign: Campaign, record: dict[str, Any], text: str) -> None:
        """Print how many runs have ended, the id of this one, and `text`."""
        self.console.print(
            f"[{campaign.count_ended()}/{len(campaign.runs)}] {record['run_id']}: {text}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
