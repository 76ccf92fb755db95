"""Reads native backtraces: does a thread wait for the GIL or for others to stop, and which names are evidence?

A backtrace is a list of function names (frames), the innermost first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# CPython's functions that wait for the GIL, under their names in the versions that the pack runs.
GIL_FRAMES = frozenset({"take_gil", "PyEval_RestoreThread", "_PyThreadState_Attach", "PyEval_AcquireThread"})
# CPython's functions that wait for a lock of a program (Modules/_threadmodule.c), for which they give the GIL back.
_LOCK_FRAMES = frozenset(
    {"lock_PyThread_acquire_lock", "rlock_acquire", "acquire_timed", "PyThread_acquire_lock_timed"}
)
# CPython's functions in which a thread of a free-threaded Python (3.13 and later, without a GIL) waits until every
# other thread has stopped (Python/pystate.c). Imports and garbage collections stop the others.
STOP_FRAMES = frozenset({"stop_the_world", "_PyEval_StopTheWorld", "_PyEval_StopTheWorldAll"})
# The locks of a free-threaded Python: `_PyThreadState_Attach` waits there until the thread may go on, not for the GIL.
_PARKING_FRAMES = frozenset({"_PyParkingLot_Park", "tstate_wait_attach"})
# Beginnings of names that say nothing about the cause: the C library, CPython's locks and its calls of functions.
_NOISE = (
    *("__", "??", "do_", "futex", "pthread", "sem_", "lll_", "PyCOND", "PyThread_", "_PySemaphore", "acquire_timed"),
    *("_PyParkingLot_", "PyEvent_", "tstate_wait_attach"),
    *("lock_", "method_vectorcall", "cfunction_", "_PyObject_", "PyObject_", "_PyEval_", "PyEval_Eval", "_PyFunction"),
)
EVIDENCE_FRAMES = 4  # names in the evidence of a run, which is one line


def waits_for_gil(frames: Iterable[str]) -> bool:
    """Return True if the thread of this backtrace waits for the GIL."""
    names = frozenset(frames)
    return "take_gil" in names or (not GIL_FRAMES.isdisjoint(names) and _PARKING_FRAMES.isdisjoint(names))


def waits_for_lock(frames: Iterable[str]) -> bool:
    """Return True if the thread of this backtrace waits for a lock of the program, and not for the GIL."""
    names = frozenset(frames)
    return not _LOCK_FRAMES.isdisjoint(names) and not waits_for_gil(names)


def stops_the_world(frames: Iterable[str]) -> bool:
    """Return True if the thread of this backtrace waits until the other threads of its Python have stopped."""
    return not STOP_FRAMES.isdisjoint(frames)


def informative_frames(frames: Sequence[str]) -> list[str]:
    """Return the innermost EVIDENCE_FRAMES names that say what the thread waits for."""
    informative = [name for name in frames if not name.startswith(_NOISE)]
    return informative[:EVIDENCE_FRAMES]
