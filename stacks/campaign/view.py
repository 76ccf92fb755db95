"""Shows a person how far a campaign is: the protocol, and a view that shows nothing."""

from __future__ import annotations

from typing import Any, Protocol

from stacks.campaign.campaign import Campaign


class View(Protocol):
    """Shows a campaign while its runs go on."""

    def update(self, campaign: Campaign) -> None:
        """Show the campaign as it is now. Called several times a second."""

    def run_ended(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """Show the end of a run of cell `index`. `record` is its run.json."""


class SilentView:
    """Shows nothing."""

    def update(self, campaign: Campaign) -> None:
        """Do nothing."""

    def run_ended(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """Do nothing."""
