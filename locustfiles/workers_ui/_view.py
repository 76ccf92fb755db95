"""What the Workers tab and the report show, as one JSON value: times are seconds since the load began."""

import csv
import io
import math
import time

from workers_ui._history import began_ns
from workers_ui._lanes import lanes, states
from workers_ui._seconds import LAG_NS, SECOND_NS

WINDOW_S, REPORT_WINDOW_S = 120, 1800
# As many as a browser redraws every second without anybody noticing, and as many as a report page may hold.
MOST_SPANS, MOST_REPORT_SPANS = 2500, 12_000
MOST_EPISODES, MOST_REPORT_EPISODES = 100, 1000
# How much of the counted seconds is kept: what the report shows.
KEPT_S = REPORT_WINDOW_S + 60

WORDS = {
    "preparing": "making the environment of the version, where it is missing",
    "starting": "starting uWSGI and waiting for its workers",
    "waiting": "the workers are ready",
    "loading": "under load",
    "settling": "waiting until every episode is decided",
    "stopping": "stopping uWSGI",
    "written": "ended",
    "failed": "failed",
}
COLUMNS = (
    *("slot", "generation", "outcome", "previous_pid", "pid"),
    *("exit_begun_s", "exited_s", "forked_s", "ready_s", "respawn_s", "cause"),
)


def state(stack, load, *, report=False, clock=time.monotonic_ns):
    """Everything about `stack` that is known now; `load` are the counted seconds."""
    history = stack.history
    lifecycle = history.lifecycle
    now_ns = history.end_ns or (lifecycle.now_ns if stack.is_over else clock())
    origin_ns = history.origin_ns or now_ns
    if history.end_ns is None:
        lifecycle.now_ns = max(lifecycle.now_ns, now_ns)
    window_s = REPORT_WINDOW_S if report else WINDOW_S
    rows, from_s = lanes(history, now_ns, int(window_s * 1e9), MOST_REPORT_SPANS if report else MOST_SPANS)
    until_ns = now_ns if stack.is_over else now_ns - LAG_NS
    load.forget((now_ns - KEPT_S * SECOND_NS) // SECOND_NS)
    most = MOST_REPORT_EPISODES if report else MOST_EPISODES
    return {
        "choice": stack.choice,
        "phase": stack.phase,
        "words": WORDS.get(stack.phase, stack.phase),
        "error": stack.error,
        "over": stack.is_over,
        "directory": stack.directory,
        "from_s": from_s,
        "now_s": round((now_ns - origin_ns) / 1e9, 3),
        "lanes": rows,
        "slots": states(history, now_ns) if lifecycle.slots else [],
        "seconds": load.rows(origin_ns, from_s, until_ns) if lifecycle.load_begin_ns else [],
        "counts": {name: _plain(value) for name, value in history.counts().items()},
        "verdict": stack.verdict,
        "episodes": [row(episode, origin_ns) for episode in history.newest(most)],
        "columns": COLUMNS,
        "watched": lifecycle.load_begin_ns is not None,
    }


def _plain(value):
    """JSON has no infinity."""
    return "never" if value == math.inf else value


def row(episode, origin_ns):
    """One episode in the order of COLUMNS."""

    def seconds(t_ns):
        return None if t_ns is None else round((t_ns - origin_ns) / 1e9, 3)

    took = episode.respawn_s
    return (
        *(episode.slot, episode.generation, episode.outcome, episode.previous_pid, episode.pid),
        *map(seconds, (episode.exit_begun_ns, episode.exited_ns, episode.forked_ns, episode.ready_ns)),
        None if math.isnan(took) else "never" if took == math.inf else round(took, 3),
        episode.cause,
    )


def episodes_csv(history):
    """Every episode of the run, in the order in which they began."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row(episode, history.origin_ns) for episode in sorted(history.episodes(), key=began_ns))
    return text.getvalue()
