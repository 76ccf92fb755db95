"""Aggregates the requests of a run: counts, answers in each bin of time, and every worker's first response.

An answer counts at the moment when it was complete. Throughput is the number of answers divided by the fixed load
window, no matter how many workers or users were left: only so an outage is visible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.frames.connection import QueryError, RequestFiles, query
from analysis.frames.load_window import LoadWindow
from analysis.frames.queries import END_NS, LOSSES, REQUESTS, lost_of
from stacks.lifecycle.episode import Episode
from stacks.lifecycle.records import RecordError

MOST_BINS = 60  # of a window: more bins make a figure of a hundred millimetres noisy
SHORTEST_BIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of the requests of a run."""

    requests: int
    lost: int  # requests that were sent and not answered, unless they were open at the end (stacks.lifecycle.losses)
    answered: int  # within the load window
    first_response_ns: list[int | None]  # one entry for each episode
    bins: list[dict[str, float]]  # t_s, bin_s, answered, answered_rps


def bin_width_s(window_s: float) -> float:
    """Return the least of 0.1, 0.2, 0.5, 1, 2, 5, 10, ... s that divides the window into at most 60 bins.

    So a window longer than 6 s has at least 24 bins. Raises ValueError if no width fits.
    """
    for power in range(-1, 9):
        for step in (1, 2, 5):
            # Rounded, because 2 * 10 ** -1 is not exactly 0.2.
            width = round(step * 10.0**power, 1)
            if width >= SHORTEST_BIN_S and window_s / width <= MOST_BINS:
                return width
    raise ValueError(f"a load window of {window_s} s")


def _counts(files: RequestFiles, window: LoadWindow) -> tuple[int, int, int]:
    text = f"""
        SELECT count(*), count(*) FILTER (error = '' AND {END_NS} >= ? AND {END_NS} < ?), {LOSSES}
        FROM {REQUESTS}"""  # noqa: S608 - constants
    requests, answered, *losses = query(text, [window.begin_ns, window.end_ns, files])[0]
    return requests, lost_of(*losses), answered


def _bins(files: RequestFiles, window: LoadWindow) -> list[dict[str, float]]:
    """Count the answers in each bin, from the begin of the load to its end. A bin without an answer is an entry too."""
    if window.begin_ns is None:
        return []
    width = bin_width_s(window.window_s)
    span_s = max(window.window_s, ((window.load_end_ns or window.begin_ns) - window.begin_ns) / 1e9)
    text = f"""
        SELECT ({END_NS} - ?) // ?, count(*) FROM {REQUESTS}
        WHERE error = '' AND {END_NS} >= ? GROUP BY 1"""  # noqa: S608 - as above
    arguments = [window.begin_ns, round(width * 1e9), files, window.begin_ns]
    counts: dict[int, int] = dict(query(text, arguments))
    # Without the small amount, rounding can make 2.0 / 0.1 ask for a 21st bin.
    return [
        {"t_s": index * width, "bin_s": width, "answered": answered, "answered_rps": answered / width}
        for index in range(math.ceil(span_s / width - 1e-9))
        for answered in (counts.get(index, 0),)
    ]


def _first_response_ns(files: RequestFiles, episodes: Sequence[Episode]) -> list[int | None]:
    """For each episode, the end of the first answer that its new worker gave after its fork.

    A worker is identified by slot and pid. The request may have begun before the fork: it waited in the accept backlog
    while the slot had no worker.
    """
    forked = [(i, e.slot, e.pid, e.forked_ns) for i, e in enumerate(episodes) if e.pid and e.forked_ns]
    text = f"""
        WITH forks AS (SELECT unnest(?::BIGINT[]) AS episode, unnest(?::BIGINT[]) AS slot,
                              unnest(?::BIGINT[]) AS pid, unnest(?::BIGINT[]) AS forked_ns)
        SELECT episode, min({END_NS}) FROM {REQUESTS} JOIN forks USING (slot, pid)
        WHERE error = '' AND {END_NS} >= forked_ns GROUP BY episode"""  # noqa: S608 - as above
    columns = [list(column) for column in zip(*forked, strict=True)] or [[], [], [], []]
    first_ns = dict(query(text, [*columns, files]))
    return [first_ns.get(index) for index in range(len(episodes))]


def read_answers(files: RequestFiles, window: LoadWindow, episodes: Sequence[Episode]) -> Answers:
    """Aggregate the requests of a run. Raises RecordError, which names the file, if it cannot be read."""
    try:
        return Answers(*_counts(files, window), _first_response_ns(files, episodes), _bins(files, window))
    except QueryError as error:
        raise RecordError(
            f"{files[0]}: cannot be read ({error}); the file is truncated or damaged. "
            "The run is left out; repeat it, or delete its directory."
        ) from None
