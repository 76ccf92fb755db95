"""The content of the Workers tab and of the report, as one JSON value. Times are seconds since the load began."""

import csv
import io
import math
import time

from workers_ui._history import began_ns
from workers_ui._lanes import lanes, states
from workers_ui._seconds import LAG_NS, SECOND_NS

WINDOW_S, REPORT_WINDOW_S = 120, 1800
# A browser can redraw so many spans every second without a visible delay; a report page can hold so many.
MOST_SPANS, MOST_REPORT_SPANS = 2500, 12_000
MOST_EPISODES, MOST_REPORT_EPISODES = 100, 1000
KEPT_S = REPORT_WINDOW_S + 60  # counted seconds to keep: those of a report

WORDS = {
    "preparing": "making the virtual environment of the version, if it is missing",
    "starting": "starting uWSGI and waiting for its workers",
    "waiting": "the workers are ready",
    "loading": "under load",
    "settling": "waiting until the outcome of every episode is known",
    "stopping": "stopping uWSGI",
    "written": "ended",
    "failed": "failed",
}
COLUMNS = (
    *("slot", "generation", "outcome", "previous_pid", "pid"),
    *("exit_begun_s", "exited_s", "forked_s", "ready_s", "respawn_s", "cause"),
)


def state(stack, load, *, report=False, clock=time.monotonic_ns):
    """Return what is known about `stack` now. `load` has the counted seconds (`_seconds.Load`)."""
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
    most_episodes = MOST_REPORT_EPISODES if report else MOST_EPISODES
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
        "counts": {name: _json_number(value) for name, value in history.counts().items()},
        "verdict": stack.verdict,
        "helps": stack.helps,
        "page": stack.page is not None,
        "episodes": [row(episode, origin_ns) for episode in history.newest(most_episodes)],
        "columns": COLUMNS,
        "watched": lifecycle.load_begin_ns is not None,
    }


def _json_number(value):
    """Replace infinity, which JSON does not have."""
    return "never" if value == math.inf else value


def row(episode, origin_ns):
    """Return one episode in the order of COLUMNS."""

    def seconds(t_ns):
        return None if t_ns is None else round((t_ns - origin_ns) / 1e9, 3)

    respawn_s = episode.respawn_s
    return (
        *(episode.slot, episode.generation, episode.outcome, episode.previous_pid, episode.pid),
        *map(seconds, (episode.exit_begun_ns, episode.exited_ns, episode.forked_ns, episode.ready_ns)),
        None if math.isnan(respawn_s) else "never" if respawn_s == math.inf else round(respawn_s, 3),
        episode.cause,
    )


def episodes_csv(history):
    """Return every episode of the run as CSV, in the order in which the episodes began."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row(episode, history.origin_ns) for episode in sorted(history.episodes(), key=began_ns))
    return text.getvalue()
