"""Turns SIGINT, SIGTERM and SIGHUP into one KeyboardInterrupt, which the clean-up that follows can rely on.

A Ctrl-C often arrives twice: the terminal signals every process of its foreground group, and a guard or `make` sends
the signal on. A second exception would end the clean-up that the first one has begun.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from stacks.console import dropped_interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_WISH_S = 1.0  # a signal that follows another within this time is the same wish


class _Raiser:
    """A signal handler that raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self._raised_s = float("-inf")
        self._number = signal.SIGINT

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if now_s - self._raised_s >= SAME_WISH_S:
            self._raised_s, self._number = now_s, signal.Signals(number)
            raise KeyboardInterrupt

    def forget(self) -> signal.Signals:
        """Let the next signal raise at once. Return the last one that has raised."""
        self._raised_s = float("-inf")
        return self._number


def catch() -> None:
    """Let the signals raise KeyboardInterrupt. One that is ignored stays ignored, as nohup(1) wants it."""
    raiser = _Raiser()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, raiser)
    dropped_interrupts.repeat(raiser.forget)


def ignore() -> None:
    """Let the signals do nothing until this process ends. Clean-up calls this first.

    A handler that does nothing would not be enough: pyarrow cancels what it reads at a signal that has any handler.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def block() -> None:
    """Let the signals wait until `unblock`. They are not lost."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def unblock() -> None:
    """Deliver the signals that have waited since `block`."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def blocked() -> Iterator[None]:
    """Let the signals wait during the block: a fork with a `preexec_fn`, which calls `unblock_in_child`.

    Python runs callbacks at such a fork, in both processes, and drops what a signal raises in them.
    """
    block()
    try:
        yield
    finally:
        unblock()


def unblock_in_child() -> None:
    """Give the signals their default actions between fork and exec, as exec does, and deliver those that wait."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    unblock()
