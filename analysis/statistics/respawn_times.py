"""Computes quantiles of respawn times that count hung workers. Times are seconds.

A hung worker has an infinite respawn time. A quantile without the hung workers would describe the survivors only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def quantile(seconds: Sequence[float] | npt.NDArray[np.float64], share: float) -> float | None:
    """Return the time within which `share` of the respawns were ready.

    The result is infinite if it falls among the hung workers, and None without a respawn. NaN in `seconds` is a respawn
    whose end was not observed; it is left out. The result is always one of the values (Hyndman and Fan's type 1),
    because no number lies between a time and infinity.
    """
    values = np.asarray(seconds, dtype=float)
    values = values[~np.isnan(values)]
    if not values.size:
        return None
    return float(np.quantile(values, share, method="inverted_cdf"))
