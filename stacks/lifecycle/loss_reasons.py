"""Says in words what became of the requests of a run, for the reason of its verdict.

It takes the data of the row `losses`, as `losses.losses` counts it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stacks.lifecycle.counted import counted

# The words for each kind of loss, in the singular and in the plural.
LOSSES = {
    "timeout": ("request was not answered in time", "requests were not answered in time"),
    "reset": ("request was cut off", "requests were cut off"),
    "truncated": ("answer ended before its length", "answers ended before their length"),
    "refused": ("request was refused", "requests were refused"),
    "failed": ("request was answered with a 5xx status", "requests were answered with a 5xx status"),
}


def losses_of_healthy_workers(losses: Mapping[str, Any]) -> str:
    """Return the end of a reason: which requests the clients lost although the workers came back."""
    texts = _texts(losses)
    if losses.get("timeout"):
        texts[0] += " although no worker is hung"
    return f"; but {', '.join(texts)}" if texts else ""


def is_unanswered(losses: Mapping[str, Any]) -> bool:
    """Return True if requests were sent and none of them was answered. Older runs did not count their answers."""
    return losses.get("answered") == 0


def no_answer(losses: Mapping[str, Any]) -> str:
    """Say that none of the requests was answered, and what became of them."""
    texts = _texts(losses)
    what = f" ({', '.join(texts)})" if texts else ""
    return f"none of {counted(losses['requests'], 'request', 'requests')} was answered{what}"


def _texts(losses: Mapping[str, Any]) -> list[str]:
    return [counted(losses[kind], *texts) for kind, texts in LOSSES.items() if losses.get(kind)]
