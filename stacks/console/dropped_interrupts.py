"""Lets an interrupt come again that Python has dropped.

Python cannot pass on an exception that is raised in one of its callbacks, such as `__del__` or the callback at the end
of an import. It prints a traceback and goes on, so that Ctrl-C would have no effect.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import time
from collections.abc import Callable

LATER_S = 0.01  # a callback takes microseconds


def repeat(last_signal: Callable[[], int]) -> None:
    """Send this process the signal `last_signal()` once more if Python drops the KeyboardInterrupt of its handler."""
    earlier_hook = sys.unraisablehook

    def take(dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            earlier_hook(dropped)
            return
        with contextlib.suppress(RuntimeError):  # Python starts no thread when it ends
            _thread.start_new_thread(_send_later, (last_signal(),))

    sys.unraisablehook = take


def _send_later(number: int) -> None:
    time.sleep(LATER_S)
    os.kill(os.getpid(), number)
