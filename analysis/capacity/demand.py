"""What is asked of a stack: requests a second, a 99th percentile, headroom and spare workers, as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

UNITS = {"ms": 1e-3, "s": 1.0, "": 1.0}


class DemandError(ValueError):
    """A demand that makes no sense; the text says how to write it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """`rps` is the peak that is expected, `headroom` what shall be left above it, as a share."""

    rps: float
    slo_p99_s: float
    headroom: float = 0.25
    spares: int = 1

    @property
    def wanted_rps(self) -> float:
        """What the stack must be able to answer."""
        return self.rps * (1 + self.headroom)


def requests_per_second(text: str) -> float:
    """`400` or `400/s`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/s|rps)?\s*", text)
    if not match or float(match[1]) <= 0:
        raise DemandError(f"DEMAND: {text!r} is no number of requests a second, such as 400")
    return float(match[1])


def seconds(text: str) -> float:
    """`200ms` or `0.2s`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|)\s*", text)
    if not match or float(match[1]) <= 0:
        raise DemandError(f"SLO_P99: {text!r} is no time, such as 200ms or 0.5s")
    return float(match[1]) * UNITS[match[2]]


def share(text: str) -> float:
    """`25%` or `0.25`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%|)\s*", text)
    if not match:
        raise DemandError(f"HEADROOM: {text!r} is no share, such as 25% or 0.25")
    return float(match[1]) / (100 if match[2] else 1)
