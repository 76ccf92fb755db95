"""Sentences of the companions for people, on stderr: at once, or after the live view, which owns the terminal."""

from __future__ import annotations

import sys

MOST = 100  # sentences that are kept while the live view is shown


class Notices:
    """Takes sentences. `has_screen` is True while the live view owns the terminal."""

    def __init__(self, *, is_shown: bool) -> None:
        """`is_shown`: no live view will own the terminal."""
        self.has_screen = False
        self._is_shown = is_shown
        self._kept: list[str] = []

    def say(self, text: str) -> None:
        """Print a sentence, or keep it until `show`."""
        if self._is_shown or not self.has_screen:
            print(f"watch: {text}", file=sys.stderr, flush=True)
        else:
            self._kept = [*self._kept, text][-MOST:]

    def show(self) -> None:
        """Print what was kept."""
        self.has_screen = False
        for text in self._kept:
            self.say(text)
        self._kept.clear()
