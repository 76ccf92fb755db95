"""The two exceptions that end a run before it has a verdict."""

from __future__ import annotations


class CannotMeasure(Exception):
    """The stack cannot be measured. The text says why, and what the user can do."""


class Interrupted(Exception):
    """The run received SIGINT or SIGTERM, or the process that gives it its turn has ended."""
