"""A known defect of some server versions, as versions.toml describes it, and the verdict that shows it."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.catalogue.version import Version, is_in_range


@dataclass(frozen=True)
class Defect:
    """A [defect.NAME] table of versions.toml."""

    name: str
    what: str
    verdict: str
    sees: str  # what a load test must see
    remedy: str
    upstream: tuple[str, ...]  # issues, pages or source files
    package: str = ""  # '' is every package
    always: bool = False  # every stack meets the defect, and no other defect can show beside it
    python: str = ""  # specifiers; '' is every version
    pin: str = ""
    rate: float = (
        0.0  # the smallest share of the respawns that a measured run has shown; 0: all of them, or not measured
    )

    def affects(self, version: Version) -> bool:
        """Return True if `version` has this defect."""
        return self.package in ("", version.package) and is_in_range(self, version)
