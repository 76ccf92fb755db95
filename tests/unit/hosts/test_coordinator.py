"""The coordinator: when the load may begin, what each host is told, and that a run ends whatever has died."""

from __future__ import annotations

from host_cards import PACK, load, observer, tally

from stacks.hosts.card import ENDED, LOADING, SETTLING, STARTING, WRITTEN
from stacks.hosts.coordinator import (
    CLOSE_LIMIT_S,
    CLOSED,
    GATHER_LIMIT_S,
    GATHERING,
    GO,
    ON,
    OVER,
    SILENT_S,
    TALLIED,
    TALLY_LIMIT_S,
    Coordinator,
    Expected,
)
from stacks.lifecycle.losses import Tally


class Run:
    """A coordinator with a clock of its own."""

    def __init__(self, loads: int = 2, observers: int = 1) -> None:
        self.now_s = 100.0
        self.words: list[str] = []
        expected = Expected("night", loads, observers, PACK, "m")
        self.coordinator = Coordinator(expected, self.words.append, lambda: self.now_s)

    def after(self, seconds: float) -> str:
        self.now_s += seconds
        self.coordinator.step()
        return self.coordinator.phase

    def begin(self) -> Run:
        """Bring two load hosts and an observer under load."""
        self.coordinator.take_word("up")
        for card in (load("a"), load("b"), observer()):
            self.coordinator.take_card(card)
        assert self.after(0.1) == GO
        self.coordinator.take_card(observer(LOADING))
        assert self.after(0.1) == ON
        return self


def test_the_load_begins_when_every_host_is_ready_and_the_observer_has_noted_its_begin() -> None:
    run = Run()
    coordinator = run.coordinator
    coordinator.take_card(load("a"))
    coordinator.take_word("up")
    assert run.after(1) == GATHERING
    assert coordinator.take_card(observer(STARTING))["phase"] == GATHERING
    coordinator.take_card(load("b"))
    assert run.after(1) == GATHERING
    assert "not ready" in coordinator.lacking()
    coordinator.take_card(observer())
    assert run.after(1) == GO
    assert run.words == []
    assert coordinator.take_card(observer(LOADING))["phase"] == GO
    assert run.after(1) == ON
    assert run.words == ["go"]


def test_a_run_without_an_observer_begins_with_its_load_hosts() -> None:
    run = Run(loads=1, observers=0)
    run.coordinator.take_word("up")
    answer = run.coordinator.take_card(load("a"))
    assert answer["observer"] == {"ns": 0, "bound_ns": 0, "agrees": True}
    run.after(0)
    assert run.after(0) == ON


def test_an_observer_that_was_not_announced_is_waited_for_as_well() -> None:
    run = Run(loads=1, observers=0)
    run.coordinator.take_card(observer(STARTING))
    run.coordinator.take_card(load("a"))
    run.coordinator.take_word("up")
    assert run.after(1) == GATHERING


def test_load_hosts_learn_the_offset_of_the_observers_clock() -> None:
    run = Run()
    assert "observer" not in run.coordinator.take_card(load("a"))
    run.coordinator.take_card(observer())
    assert run.coordinator.take_card(load("a"))["observer"] == {"ns": 400, "bound_ns": 5, "agrees": True}


def test_the_observer_gets_the_sum_of_the_tallies_and_the_run_closes_when_all_is_written() -> None:
    run = Run().begin()
    coordinator = run.coordinator
    coordinator.take_word("end")
    assert "tally" not in coordinator.take_card(observer(LOADING))
    coordinator.take_card(load("a", ENDED, tally=tally(3)))
    assert run.after(1) == OVER
    coordinator.take_card(load("b", ENDED, tally=tally(4, requests=5)))
    assert run.after(1) == TALLIED
    told = Tally.of(coordinator.take_card(observer(SETTLING))["tally"])
    assert (told.requests, told.answered, told.pids) == (8, 7, {3, 4})
    for card in (load("a", WRITTEN), load("b", WRITTEN)):
        coordinator.take_card(card)
    assert run.after(1) == TALLIED
    coordinator.take_card(observer(WRITTEN))
    assert run.after(0) == CLOSED


def test_what_locust_has_counted_is_kept() -> None:
    run = Run().begin()
    run.coordinator.take_word("counted 12 3")
    run.coordinator.take_word("end")
    assert run.coordinator.counted == {"requests": 12, "failures": 3}
    assert run.coordinator.phase == OVER


def test_a_host_that_has_died_is_waited_for_only_while_it_may_come_back() -> None:
    run = Run().begin()
    run.coordinator.take_word("end")
    run.coordinator.take_card(load("a", ENDED, tally=tally()))
    assert run.after(SILENT_S) == OVER
    assert run.after(0.1) == TALLIED
    run.coordinator.take_card(load("a", WRITTEN))
    run.coordinator.take_card(observer(WRITTEN))
    assert run.after(SILENT_S - 1) == TALLIED
    assert run.after(1.1) == CLOSED


def test_a_host_that_never_ends_cannot_keep_the_run_open() -> None:
    run = Run().begin()
    run.coordinator.take_word("end")
    waited_s = 0.0
    while run.coordinator.phase != CLOSED and waited_s < 1000:
        run.coordinator.take_card(load("a"))
        run.coordinator.take_card(observer(SETTLING))
        run.after(1)
        waited_s += 1
    assert TALLY_LIMIT_S + CLOSE_LIMIT_S <= waited_s <= TALLY_LIMIT_S + CLOSE_LIMIT_S + 3


def test_a_run_whose_hosts_do_not_come_is_cancelled_and_says_who_is_missing() -> None:
    run = Run()
    run.coordinator.take_word("up")
    run.coordinator.take_card(load("a"))
    assert run.after(GATHER_LIMIT_S + 1) == OVER
    assert run.words == ["cancel"]
    assert "1 of 2 processes of Locust have come" in run.coordinator.problem
    assert "0 of 1 uWSGI hosts have come" in run.coordinator.problem


def test_a_stack_that_does_not_start_ends_the_run_at_once() -> None:
    run = Run()
    run.coordinator.take_card(observer(STARTING))
    assert run.after(1) == GATHERING
    run.coordinator.take_card(observer(WRITTEN, problem="no such version"))
    assert run.after(1) == OVER
    assert (run.words, run.coordinator.problem) == (
        ["cancel"],
        "the run on u ended before the load began: no such version",
    )


def test_a_master_that_ends_before_the_load_ends_the_run() -> None:
    run = Run()
    run.coordinator.take_word("end")
    assert run.coordinator.phase == OVER
    assert run.coordinator.problem


def test_another_version_of_the_pack_is_refused_and_both_are_named() -> None:
    run = Run()
    answer = run.coordinator.take_card(load("a", pack="files 2"))
    assert answer["refused"].startswith("a has another version of the pack (files 2) than the master (files 1)")
    run.coordinator.take_card(load("a", pack="files 2"))
    assert run.coordinator.refused == [answer["refused"]]
    assert run.coordinator.hosts == {}


def test_a_second_uwsgi_host_is_refused() -> None:
    run = Run()
    run.coordinator.take_card(observer())
    assert "u observes already" in run.coordinator.take_card(observer(host="v"))["refused"]
    assert "refused" not in run.coordinator.take_card(observer())
