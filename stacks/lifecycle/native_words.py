"""Says in words what a stuck process shows without its Python threads: its native frames, or its waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stacks.lifecycle.backtraces import informative_frames
from stacks.lifecycle.stillness import LockWait


def native_words(frames: Sequence[str], packages: Mapping[str, str]) -> str:
    """Return the frames of a backtrace that tell something, innermost first, each with its package if that is known."""
    telling = informative_frames(list(frames))
    return " <- ".join(f"{name} ({packages[name]})" if name in packages else name for name in telling)


def waits_in_words(lock_wait: LockWait) -> str:
    """Return how many threads wait, in which waits, and for how long without CPU time."""
    return (
        f"{len(lock_wait.waits)} thread(s) in {', '.join(sorted(set(lock_wait.waits)))}, no CPU time in "
        f"{lock_wait.elapsed_s:.1f} s, {lock_wait.wakes_per_s:.0f} wakes/s (no backtrace was taken)"
    )
