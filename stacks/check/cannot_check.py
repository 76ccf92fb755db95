"""The error of a configuration that cannot be checked."""

from __future__ import annotations


class CannotCheck(Exception):
    """A configuration cannot be checked; the text says why and what the user can do."""
