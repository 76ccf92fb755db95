"""Turns SIGINT, SIGTERM and SIGHUP into one KeyboardInterrupt, which the clean-up that follows can rely on.

Python cannot pass on an exception that is raised in one of its callbacks, such as `__del__` or the callback at the end
of an import. It prints a traceback and goes on, so that Ctrl-C would have no effect. Such an interrupt comes again.

A Ctrl-C often arrives twice: the terminal signals every process of its foreground group, and a guard or `make` sends
the signal on. A second exception would end the clean-up that the first one has begun.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LATER_S = 0.01  # a callback takes microseconds
SAME_WISH_S = 1.0  # a signal that follows another within this time is the same wish


class Raiser:
    """A signal handler that raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.has_raised = False
        self._raised_s = float("-inf")
        self._number = signal.SIGINT
        self._earlier_hook = sys.unraisablehook

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if now_s - self._raised_s >= SAME_WISH_S:
            self.has_raised, self._raised_s, self._number = True, now_s, signal.Signals(number)
            raise KeyboardInterrupt

    def take_dropped(self, dropped: sys.UnraisableHookArgs) -> None:
        """Send the last signal again if Python has dropped the KeyboardInterrupt. It is Python's `unraisablehook`."""
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            self._earlier_hook(dropped)
            return
        self._raised_s = float("-inf")
        with contextlib.suppress(RuntimeError):  # Python starts no thread when it ends
            _thread.start_new_thread(_send_later, (self._number,))


def _send_later(number: int) -> None:
    time.sleep(LATER_S)
    os.kill(os.getpid(), number)


def have_come() -> bool:
    """Return True if a signal has come since `catch`, until `ignore`: an error that follows is no fault of the pack.

    An import may turn its KeyboardInterrupt into another error: that of `ssl` into a TypeError, that of pandas into an
    ImportError.
    """
    handlers = map(signal.getsignal, SIGNALS)
    return any(isinstance(handler, Raiser) and handler.has_raised for handler in handlers)


def catch() -> None:
    """Let the signals raise KeyboardInterrupt. One that is ignored stays ignored, as nohup(1) wants it."""
    raiser = Raiser()
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, raiser)
    sys.unraisablehook = raiser.take_dropped


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


@contextlib.contextmanager
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
