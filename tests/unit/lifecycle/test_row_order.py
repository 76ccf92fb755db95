"""The result does not depend on the order in which sources write their rows, or on when the rows are judged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rows import at, generation, hang, healthy, leave, lifecycle, respawn, row

from stacks.lifecycle.episode import Episode
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import judge

WANTED = 3


def without_cause(state: Lifecycle) -> list[Episode]:
    """Leave out the cause: a row gives it the signal only if the worker is state when the row comes."""
    return [episode._replace(cause="") for episode in state.episodes()]


def test_a_worker_may_be_ready_before_the_line_that_names_it() -> None:
    early = [*generation(100), *leave(100, 1.0), row(1.51, "ready", 101), row(1.52, "respawned", 101, 1)]
    episode = lifecycle(early).episodes()[-1]
    assert (episode.pid, episode.outcome, episode.ready_ns, episode.forked_ns) == (101, "ready", at(1.51), at(1.51))


def test_a_worker_may_end_before_the_line_that_names_it() -> None:
    rows = [row(1.51, "ready", 101), row(1.52, "exit_begun", 101), row(1.53, "exited", 101, source="kernel")]
    state = lifecycle(generation(100), leave(100, 1.0), rows, row(1.54, "respawned", 101, 1))
    assert [(e.outcome, e.exited_ns) for e in state.episodes()[1:]] == [("ready", at(1.007)), ("undecided", at(1.53))]


def test_the_time_of_a_fork_is_the_kernels_whenever_its_row_comes() -> None:
    fork = row(1.4, "forked", 101, source="kernel")
    respawned, ready = row(1.5, "respawned", 101, 1), row(1.45, "ready", 101)
    for rows in (
        [fork, respawned, ready],
        [respawned, fork, ready],
        [respawned, ready, fork],
        [ready, fork, respawned],
        [ready, respawned, fork],
        [fork, ready, respawned],
    ):
        episode = lifecycle(generation(100), leave(100, 1.0), rows).episodes()[-1]
        assert (episode.forked_ns, episode.ready_ns, episode.outcome) == (at(1.4), at(1.45), "ready")


def test_a_fork_row_after_the_crash_belongs_to_the_crashed_worker() -> None:
    rows = [
        row(1.5, "respawned", 101, 1),
        row(1.55, "exited", 101, source="exits"),
        row(1.4, "forked", 101, source="kernel"),
        row(1.54, "exited", 101, source="kernel", signal=11),
    ]
    state = lifecycle(generation(100), leave(100, 1.0), rows)
    crashed = state.episodes()[1]
    assert (crashed.forked_ns, crashed.decided_ns, crashed.cause) == (at(1.4), at(1.54), "signal 11")
    # A later process with the same pid gets none of these times.
    again = [row(2.4, "forked", 101, source="kernel"), row(2.5, "respawned", 101, 1), row(2.6, "ready", 101)]
    for event in again:
        state.feed(event)
    assert (state.episodes()[2].outcome, state.episodes()[2].forked_ns) == ("ready", at(2.4))


def test_a_reused_pid_is_another_worker() -> None:
    rows = [*healthy(1), *leave(101, 3.0)]
    again = [row(3.4, "forked", 100, source="kernel"), row(3.45, "ready", 100), row(3.5, "respawned", 100, 1)]
    first, *_, last = lifecycle(rows, again).episodes()
    assert (first.pid, first.ready_ns) == (100, at(0.05))
    assert (last.pid, last.generation, last.forked_ns, last.ready_ns) == (100, 2, at(3.4), at(3.45))


def test_the_rows_of_a_mule_are_not_those_of_a_later_worker_with_its_pid() -> None:
    mule = [row(0.1, "forked", 101, source="kernel"), row(0.2, "exited", 101, source="kernel")]
    rows = [*generation(100), *mule, *leave(100, 1.0), row(1.4, "forked", 101, source="kernel")]
    state = lifecycle(rows, row(1.5, "respawned", 101, 1))
    assert (state.starting(), state.episodes()[-1].forked_ns) == ([101], at(1.4))


def test_the_hang_of_a_process_is_not_that_of_a_later_one_with_its_pid() -> None:
    rows = [*generation(100), *respawn(1, 100, 101, 1.0, ready=False), *hang(101, 1.6), row(5.0, "exited", 101)]
    assert lifecycle(rows, row(6.0, "respawned", 101, 1)).episodes()[-1].outcome == "undecided"


@st.composite
def stories(draw: st.DrawFn) -> list[list[Event]]:
    """The rows of the log and of the kernel about slots that recycle, crash or stay empty; each source in its order."""
    log, kernel, pid = [], [], 100
    for slot in range(1, draw(st.integers(1, 3)) + 1):
        t = draw(st.integers(0, 20)) / 10
        log.append(row(t + 0.01, "spawned", pid, slot))
        for _ in range(draw(st.integers(0, 4))):
            kernel.append(row(t, "forked", pid, source="kernel"))
            fate = draw(st.sampled_from(["recycles", "crashes"]))
            if fate == "recycles":
                log += [row(t + 0.02, "ready", pid), row(t + 0.5, "exit_begun", pid)]
            kernel.append(row(t + 0.6, "exited", pid, source="kernel", **({"signal": 6} if fate == "crashes" else {})))
            log.append(row(t + 0.8, "reaped", pid, slot))
            t, pid = t + 1 + draw(st.integers(0, 9)) / 10, pid + 1
            log.append(row(t + 0.01, "respawned", pid, slot))
        kernel.append(row(t, "forked", pid, source="kernel"))
        if draw(st.booleans()):
            log.append(row(t + 0.03, "ready", pid))
        pid += 1
    return [sorted(source, key=lambda event: event.t_ns) for source in (log, kernel)]


def merged(draw: st.DrawFn, sources: list[list[Event]]) -> list[Event]:
    """All rows in one list: each source keeps its own order, and either may be late by any time."""
    left = [list(source) for source in sources]
    rows = []
    while any(left):
        rows.append(draw(st.sampled_from([source for source in left if source])).pop(0))
    return rows


@given(st.data(), stories())
def test_sources_may_be_late_against_each_other(data: st.DataObject, sources: list[list[Event]]) -> None:
    in_time = Lifecycle.of(sorted([*sources[0], *sources[1]], key=lambda event: event.t_ns))
    mixed = Lifecycle.of(merged(data.draw, sources))
    assert without_cause(mixed) == without_cause(in_time)
    assert judge(mixed, WANTED, finished=True) == judge(in_time, WANTED, finished=True)


@given(st.data(), stories())
def test_judging_after_every_row_gives_the_same_as_judging_once(
    data: st.DataObject, sources: list[list[Event]]
) -> None:
    rows = [*merged(data.draw, sources), *hang(100, 30.0), row(40.0, "stop"), *hang(101, 41.0)]
    live = Lifecycle()
    seen = []
    for event in rows:
        live.feed(event)
        seen.append(judge(live, WANTED, finished=False))
        live.episodes(), live.undecided(), live.is_outage(), live.unreaped_s(), live.respawns()
    afterwards = Lifecycle.of(rows)
    for finished in (False, True):
        assert judge(live, WANTED, finished=finished) == judge(afterwards, WANTED, finished=finished)
    assert seen[-1] == judge(afterwards, WANTED, finished=False)
    assert live.episodes() == afterwards.episodes()
    assert live.respawns() == judge(afterwards, WANTED, finished=True).respawns
