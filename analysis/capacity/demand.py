"""The demand that a stack must meet, and the parsers of its parts as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.console import quantities


class DemandError(ValueError):
    """A part of a demand that cannot be parsed; the text names the part and shows how to write it."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A peak load with its service level, and the reserve that the plan must keep."""

    rps: float  # requests a second at the peak
    slo_p99_s: float  # 99 % of the requests are answered within this time
    headroom: float = 0.25  # reserve above `rps`, as a share of it
    spares: int = 1  # workers that may be missing although the demand is met

    @property
    def wanted_rps(self) -> float:
        """The requests a second that the stack must be able to answer: the peak and the headroom."""
        return self.rps * (1 + self.headroom)

    def describe(self) -> str:
        """Return the demand in words."""
        return (
            f"{self.rps:g} requests/s at the peak, 99 % of them answered within {1e3 * self.slo_p99_s:g} ms, "
            f"{100 * self.headroom:g} % headroom"
        )


def parse(rps: str, slo_p99: str, headroom: str) -> Demand:
    """Return the demand that three texts of the command line describe. Raises DemandError."""
    return Demand(parse_rps(rps), parse_seconds(slo_p99), parse_headroom(headroom))


def parse_rps(text: str) -> float:
    """Parse requests a second: `400`, `400/s` or `400rps`. Raises DemandError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/s|rps)?\s*", text)
    if not match or float(match[1]) <= 0:
        raise DemandError(f"DEMAND: {text!r} is not a positive number of requests a second, such as 400")
    return float(match[1])


def parse_seconds(text: str) -> float:
    """Parse a time: `200ms`, `0.2s` or `0.2`. Returns seconds; raises DemandError."""
    try:
        value = quantities.seconds(text)
    except ValueError as error:
        raise DemandError(f"SLO_P99: {error}") from None
    if value <= 0:
        raise DemandError(f"SLO_P99: {text!r} is not above 0")
    return value


def parse_headroom(text: str) -> float:
    """Parse the reserve: `25%` or `0.25`. Raises DemandError."""
    try:
        return quantities.share(text)
    except ValueError as error:
        raise DemandError(f"HEADROOM: {error}") from None
