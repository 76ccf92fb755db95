"""What `capacity` measures: capacity.toml, with the values that the command line replaces."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from stacks.campaign.plan_options import LIMITS, UWSGI_LIMITS, PlanOptions, app_path
from stacks.catalogue import STACKS, Catalogue, UsageError, nearby, read_strict

FILE = STACKS / "capacity.toml"
CAPACITY_LIMITS: dict[str, tuple[float, float]] = {
    "seed": LIMITS["seed"],
    "trials": LIMITS["trials"],
    "workers": (4, LIMITS["workers"][1]),  # a curve needs at least so many sizes
    "threads": UWSGI_LIMITS["threads"],
    "cpu_ms": (0, 10_000),
    "io_ms": (0, 10_000),
    "memory_mb": (0, 4096),
}


@dataclass(frozen=True)
class CapacityOptions:
    """The keys of capacity.toml, which explains them, and the app of the user."""

    version: str
    unfixed: str  # the id of a version that hangs
    seed: int
    trials: int
    workers: int
    threads: int
    cpu_ms: float
    io_ms: float
    memory_mb: float
    app: str | None = None  # the path of a WSGI file; None: the pack's own app, with the size above

    @property
    def env(self) -> list[str]:
        """The environment variables that give the pack's own app its size. The user's app has the size it has."""
        sizes = {"WORK_CPU_MS": self.cpu_ms, "WORK_IO_MS": self.io_ms, "WORK_MB": self.memory_mb}
        return [] if self.app else [f"{name}={value:g}" for name, value in sizes.items()]


def read_options(catalogue: Catalogue, changes: dict[str, Any]) -> CapacityOptions:
    """Read capacity.toml, and replace the values for which `changes` has one that is not None.

    Raises UsageError with every mistake at once.
    """
    row = read_strict(CapacityOptions, FILE)
    options = CapacityOptions(**(row | {name: value for name, value in changes.items() if value is not None}))
    errors = [
        f"no version {version}{nearby(version, catalogue.versions, '`python -m stacks list`')}"
        for version in (options.version, options.unfixed)
        if version not in catalogue.versions
    ]
    for name, (low, high) in CAPACITY_LIMITS.items():
        value = getattr(options, name)
        if not low <= value <= high:
            errors.append(f"{name.upper()}: {value:g} is not between {low:g} and {high:g}")
    app = app_path(PlanOptions(app=options.app), errors)
    if errors:
        raise UsageError("\n".join(errors))
    return replace(options, app=app)
