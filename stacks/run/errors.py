"""The two exceptions that end a run before it has a verdict."""

from __future__ import annotations


class CannotMeasure(Exception):
    """The stack cannot be measured. The text says why, and what the user can do."""


class Interrupted(Exception):
    """The process that gives the run its turn has ended. (A signal raises KeyboardInterrupt.)"""
