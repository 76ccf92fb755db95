"""Writes a number with its words in the singular or in the plural."""

from __future__ import annotations


def counted(count: int, one: str, more: str) -> str:
    """Return "1 `one`" if the count is 1, otherwise "`count` `more`": counted(1, "worker was", "workers were")."""
    return f"{count} {one if count == 1 else more}"
