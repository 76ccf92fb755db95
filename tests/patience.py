"""How long tests wait for what must come: only what hangs needs so long, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

LIMIT_S = 600


def until(condition: Callable[[], Any], what: str = "it did not happen in time") -> Any:
    """Wait until `condition` returns something true, and return that. Fail with the text `what` after LIMIT_S."""
    end_s = time.monotonic() + LIMIT_S
    while not (value := condition()):
        assert time.monotonic() < end_s, what
        time.sleep(0.02)
    return value
