"""Puts the fields of an entry of summary.json into words, for the terminal and for the page alike."""

from __future__ import annotations

from typing import Any

from analysis.summary.verdict_words import is_failure


def cell_name(entry: dict[str, Any]) -> str:
    """Return the stack and the version of a cell."""
    return f"{stack_name(entry)} x {entry['version']}"


def stack_name(entry: dict[str, Any]) -> str:
    """Return the stack of a cell, and its variant if the campaign has several variants of a stack."""
    return " ".join(filter(None, (entry["stack"], entry.get("variant"))))


def cell_count(count: int) -> str:
    """Return a number of cells: "1 cell", "2 cells"."""
    return f"{count} cell{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Return a share as a percentage with one decimal. Only exactly 0 and 1 are shown as 0 and 100."""
    value = 100 * share
    if value in (0, 100):
        return f"{value:.0f}"
    if value > 99.9:
        return ">99.9"
    return "<0.1" if value < 0.1 else f"{value:.1f}"


def number(value: float | None) -> str:
    """Return a rate or a count with as many digits as are meaningful, '-' for None."""
    if value is None:
        return "-"
    return f"{value:.1f}" if isinstance(value, float) and value < 100 else f"{value:.0f}"


def hang_rate(entry: dict[str, Any]) -> str:
    """Return the hang rate in per cent, '-' without a trial."""
    return "-" if entry["hang_rate"] is None else f"{percent(entry['hang_rate'])} %"


def hang_interval(entry: dict[str, Any]) -> str:
    """Return the 95 % interval of the hang rate in per cent, '' without a trial."""
    if entry["hang_rate"] is None:
        return ""
    return f"{percent(entry['hang_rate_low'])} to {percent(entry['hang_rate_high'])}"


def hung_of(entry: dict[str, Any]) -> str:
    """Return how many workers hung, of how many trials."""
    return f"{entry['hung']} of {entry['respawns'] + entry['hung_initial']}"


def hung_at_start(entry: dict[str, Any]) -> str:
    """Return how many of the hung workers were of the first generation, '' if none was."""
    return f"({entry['hung_initial']} at start)" if entry["hung_initial"] else ""


def respawn_time(entry: dict[str, Any], name: str) -> str:
    """Return the respawn time in the field `name` in seconds.

    'never' if the quantile falls among workers that did not come back, '-' if no worker respawned.
    """
    value = entry[name]
    if value is not None:
        return f"{value:.2f} s" if value < 100 else f"{value:.0f} s"
    return "never" if entry["respawns"] or is_failure(entry["verdict"]) else "-"


def stop(entry: dict[str, Any]) -> str:
    """Say which signal ended the stack, and after how long; '-' if it was not the pack's to stop."""
    if entry["runs"] == 0 or (entry["stop_s"] is None and not entry["stop_signal"]):
        return "-"
    seconds = "" if entry["stop_s"] is None else f" after {entry['stop_s']:.1f} s"
    if not entry["stop_signal"]:
        return "ended by itself"
    if entry["stop_signal"] == "KILL":
        return f"no signal, killed{seconds}"
    return f"{entry['stop_signal']}{seconds}"


def generator_warning(entry: dict[str, Any]) -> str:
    """Warn that answered/s is a limit of the load generator; '' if no run of the cell was limited by it."""
    if not entry.get("generator_limited"):
        return ""
    return (
        f"the load generator was the limit in {entry['generator_limited']} of {entry['runs']} runs "
        f"({entry['generator_why']}): answered/s is what Locust could send, not what the stack can answer. "
        "Lower USERS, or use a scenario with FastUser."
    )
