"""Turns SIGINT, SIGTERM and SIGHUP into one KeyboardInterrupt, which the clean-up that follows can rely on.

A Ctrl-C often arrives twice: the terminal signals every process of its foreground group, and a guard or `make` sends
the signal on. A second exception would end the clean-up that the first one has begun.
"""

from __future__ import annotations

import signal
import time
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A signal that follows another within this time is the same wish. A later one raises again, because Python drops an
# exception that is raised in a callback of the interpreter, such as `__del__`.
SAME_WISH_S = 1.0


class _Raiser:
    """A signal handler that raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self._raised_s = float("-inf")

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if now_s - self._raised_s >= SAME_WISH_S:
            self._raised_s = now_s
            raise KeyboardInterrupt


def catch() -> None:
    """Let the signals raise KeyboardInterrupt. One that is ignored stays ignored, as nohup(1) wants it."""
    raiser = _Raiser()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, raiser)


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
