"""The advice about a reload that answers nothing for a while: connections wait in the listen queue, which may overflow.

The kernel refuses a connection to a unix socket whose queue is full, and nginx answers 502. Over TCP the kernel of the
client tries again, 1 s and 3 s later.
"""

from __future__ import annotations

from collections.abc import Sequence

from stacks.catalogue.ini import leading_number
from stacks.check.diagnosis import LAZY
from stacks.check.options import Options, is_set, last_value
from stacks.check.sockets import is_socket
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.way import ONE_BY_ONE, RELOAD
from stacks.lifecycle.way_results import CAME_BACK

LONG_S = 2.0  # a reload of an app that starts quickly answers nothing for a second: the master looks once a second
LISTEN = 100  # uWSGI's default (core/init.c)


def queue_advice(options: Options, ways: Sequence[TakenWay]) -> list[str]:
    """Return a sentence about the reload of the user's `options` that answers nothing for the longest time, or none."""
    silent = [
        taken
        for taken in ways
        if taken.way.kind == RELOAD and taken.result.verdict in CAME_BACK and taken.result.nothing_s > LONG_S
    ]
    if not silent:
        return []
    longest = max(silent, key=lambda taken: taken.result.nothing_s)
    seconds = longest.result.nothing_s
    queue = leading_number(last_value(options, "listen", "backlog")) or LISTEN
    full = "refused at once, which nginx tells as 502" if _has_unix_socket(options) else "repeated 1 s and 3 s later"
    if longest.way.risk == ONE_BY_ONE:
        change = "More workers keep some of them answering."
    elif is_set(options, *LAZY):
        change = "A chain reload (touch-chain-reload) keeps the other workers answering."
    else:
        change = "A chain reload (touch-chain-reload, with lazy-apps) keeps the other workers answering."
    return [
        f"{longest.way.name} answers nothing for {seconds:.1f} s. Connections wait in the listen queue, which holds "
        f"{queue}: with more than {queue / seconds:.0f} requests/s it is full, and a further connection is {full}. "
        f"{change} A longer queue (listen, net.core.somaxconn) holds more."
    ]


def _has_unix_socket(options: Options) -> bool:
    return any(is_socket(key) and (":" not in value or value.startswith(("@", "/"))) for key, value in options)
