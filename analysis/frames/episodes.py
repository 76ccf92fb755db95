"""Events -> episodes -> one row each, through the same lifecycle that judged the run while it ran."""

from __future__ import annotations

from pathlib import Path

from stacks.lifecycle.episode import Episode
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import RecordError, read_events

EPISODE_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",
    "slot": "Int64",
    "generation": "Int64",
    "pid": "Int64",
    "previous_pid": "Int64",
    "exit_begun_ns": "Int64",
    "exited_ns": "Int64",
    "forked_ns": "Int64",
    "ready_ns": "Int64",
    "first_response_ns": "Int64",
    "outcome": "object",
    "decided_ns": "Int64",
    "watched_until_ns": "Int64",  # what had not happened by then is censored
    "cause": "object",
    "is_respawn": "bool",
    "respawn_s": "float64",  # infinity: never came back; NaN: no respawn, or not seen to its end
}


def episode_row(
    run_id: str, watched_until_ns: int, episode: Episode, first_response_ns: int | None
) -> dict[str, object]:
    """One row of the episodes frame."""
    same = {name: getattr(episode, name) for name in EPISODE_COLUMNS if hasattr(episode, name)}
    own = {"run_id": run_id, "watched_until_ns": watched_until_ns, "first_response_ns": first_response_ns}
    return same | own | {"respawn_s": episode.respawn_s}


def read_episodes(path: Path) -> tuple[list[Episode], int]:
    """The episodes that an events file tells, and until when they were watched.

    Raises RecordError naming the file and what to do.
    """
    try:
        lifecycle = Lifecycle.of(read_events(path))
        return lifecycle.episodes(), lifecycle.stop_ns or lifecycle.now_ns
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(
            f"{path}: holds a row that makes no sense ({type(error).__name__}: {error}); "
            "the file is damaged. The run is left out; repeat it, or delete its directory."
        ) from error
