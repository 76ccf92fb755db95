"""Says what a watch cannot see, why, and what that costs. The sources are those of `Follower.unavailable`."""

from __future__ import annotations

from collections.abc import Mapping

from stacks.watch.view import Blind

_COSTS = {
    "forks": "a worker that comes and goes within 0.1 s may be missed, and new workers are searched every second. "
    "Run as root, outside of containers",
    "sockets": "slots are guessed, requests in hand and the listen queue are not known. Run as root",
    "queue": "the listen queue and the requests in hand are not known. Run as root",
    "waits": "NO HANG CAN BE PROVEN, and a worker counts as ready only when it has ended well. Run as root",
}
_REASONS = {
    "forks": "the kernel does not report forks here ({})",
    "sockets": "the open files of the master cannot be read ({})",
    "queue": "the kernel does not tell about sockets here ({})",
    "waits": "what the processes wait for cannot be read ({})",
}


def blind(unavailable: Mapping[str, str]) -> tuple[Blind, ...]:
    """Return what the sources that are not available cost."""
    return tuple(Blind(what, _REASONS[what].format(why), _COSTS[what]) for what, why in unavailable.items())
