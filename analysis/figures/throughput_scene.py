"""What the capacity curve shows: the measured sizes, the fitted law, the demand and the advice; and its texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from analysis.capacity.demand import Demand
from analysis.capacity.points import Point
from analysis.statistics.usl import Fit

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What the figure shows. `efficiency` is the share that recycling leaves; `workers` is None where none suffice."""

    points: list[Point]
    fit: Fit
    demand: Demand
    efficiency: float
    max_requests: int
    threads: int
    workers: int | None
    spares: int

    @cached_property
    def right(self) -> float:
        """The number of workers at the right end of the axis."""
        return max(self.fit.largest * 1.1, (self.workers or 0) * self.threads * 1.15) / self.threads

    @cached_property
    def workers_axis(self) -> Floats:
        """Numbers of workers at which the curve is computed."""
        return np.linspace(0.01, self.right, 200)

    @cached_property
    def band(self) -> tuple[Floats, Floats]:
        """The 95 % limits of the fitted requests/s."""
        low, high = self.fit.band(self.workers_axis * self.threads)
        return low, high

    @cached_property
    def top(self) -> float:
        """The requests/s at the upper end of the axis."""
        return 1.15 * max(float(self.band[1].max()), self.demand.wanted_rps)


def title(scene: Scene) -> str:
    """Say how many workers the demand needs and what recycling costs, or that the host cannot answer it."""
    wanted = f"{scene.demand.rps:.0f} requests/s with {100 * scene.demand.headroom:.0f} % headroom"
    if scene.workers is None:
        return f"{wanted}: more than this host can answer, as measured"
    need = scene.workers - scene.spares
    spare = f" and {scene.spares} spare" if scene.spares else ""
    return f"{wanted}: {need} workers{spare}; recycling costs {100 * (1 - scene.efficiency):.1f} % of the throughput"


def alt_text(scene: Scene) -> str:
    """Describe the two ends of the curve, and the title."""
    sizes = sorted({point.size for point in scene.points})
    ends = ", ".join(f"{float(scene.fit.at(n)):.0f} requests/s with {n}" for n in (sizes[0], sizes[-1]))
    text = f"Requests per second by workers, measured at {len(sizes)} sizes. The fitted curve gives {ends}. "
    return f"{text}{title(scene)}."
