"""Leads one run on many hosts, as a pure state: cards of the hosts in, answers and words for Locust out.

It takes part in no request and sees no row. It holds the load at the gate until every host is ready, passes the tallies
of the load hosts to the observer, and tells when the run can be closed. Each of its phases has a stated time, so the
run ends whatever has died.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from stacks.hosts.card import ENDED, LOAD, LOADING, OBSERVER, READY, SETTLING, WRITTEN, Card
from stacks.hosts.clocks import SAME
from stacks.lifecycle.losses import Tally

GATHER_LIMIT_S = 180.0  # for all hosts to come, and for uWSGI to be ready; some imports take a minute
TALLY_LIMIT_S = 30.0  # for the load hosts to say what became of their requests, after Locust has ended
CLOSE_LIMIT_S = 150.0  # for every part and for the verdict after that; a respawn may be waited for 90 s
SILENT_S = 15.0  # a host that has said nothing for this long is not waited for at the end
# The phases, in their order.
GATHERING, GO, ON, OVER, TALLIED, CLOSED = "gathering", "go", "on", "over", "tallied", "closed"
LAST_PHASES = (OVER, TALLIED, CLOSED)  # no load is wanted any more


@dataclass(frozen=True)
class Expected:
    """What takes part in the run."""

    campaign: str
    loads: int  # processes of Locust that have users
    observers: int
    pack: str  # version of the pack
    clock: str


@dataclass
class _Seen:
    card: Card
    at_s: float


@dataclass
class Coordinator:
    """The state of the run. `send` passes a word to Locust: go, cancel."""

    expected: Expected
    send: Callable[[str], None]
    clock: Callable[[], float]
    phase: str = GATHERING
    hosts: dict[str, _Seen] = field(default_factory=dict)  # by the name of the part
    refused: list[str] = field(default_factory=list)  # one sentence for each host that may not take part
    problem: str = ""
    locust_is_up: bool = False
    counted: dict[str, int] | None = None  # requests and failures, by Locust itself
    _since_s: float = 0.0

    def __post_init__(self) -> None:
        self._since_s = self.clock()

    # -- what comes in --------------------------------------------------------------------------

    def take_card(self, card: Card) -> dict[str, Any]:
        """Take what a host says, and return the answer for it."""
        answer: dict[str, Any] = {"clock": self.expected.clock, "campaign": self.expected.campaign}
        if why := self._objection(card):
            if why not in self.refused:
                self.refused.append(why)
            return answer | {"refused": why}
        if card.part:
            self.hosts[card.part] = _Seen(card, self.clock())
        observer = next((one.offset for one in self._cards(OBSERVER)), None)
        if observer is None and not self.expected.observers:
            observer = SAME
        if observer is not None and observer.is_measured:
            answer["observer"] = asdict(observer)
        answer["phase"] = self.phase
        if card.role == OBSERVER and self.phase in (TALLIED, CLOSED):
            answer["tally"] = self.tally().to_json()
        return answer

    def _objection(self, card: Card) -> str:
        if card.pack != self.expected.pack:
            return (
                f"{card.host} has another version of the pack ({card.pack}) than the master ({self.expected.pack}). "
                "Install the same one on both."
            )
        others = [one for one in self._cards(OBSERVER) if one.part != card.part]
        if card.role == OBSERVER and others:
            return f"{card.host}: {others[0].host} observes already, and a run has one uWSGI host. Start another run."
        return ""

    def take_word(self, word: str) -> None:
        """Take what Locust says.

        That is `up` (it waits at the gate), `begin`, `counted REQUESTS FAILURES`, `end` (its users finish, or it has
        ended).
        """
        word, *numbers = word.split() or [""]
        if word == "up":
            self.locust_is_up = True
        elif word == "counted":
            self.counted = dict(zip(("requests", "failures"), map(int, numbers), strict=True))
        elif word == "end" and self.phase in (GATHERING, GO):
            self._cancel("Locust ended before the load began")
        elif word == "end" and self.phase == ON:
            self._enter(OVER)

    # -- what happens ---------------------------------------------------------------------------

    def step(self) -> None:
        """Go on to the next phase if it is time."""
        waited_s = self.clock() - self._since_s
        if self.phase == GATHERING and self.is_complete():
            self._enter(GO)
        if self.phase in (GATHERING, GO):
            observers = self._cards(OBSERVER)
            if ended := [card for card in observers if card.state == WRITTEN]:
                self._cancel(f"the run on {ended[0].host} ended before the load began: {ended[0].problem}")
            elif self.phase == GO and all(card.state in (LOADING, SETTLING) for card in observers):
                self._enter(ON)
                self.send("go")
            elif waited_s > GATHER_LIMIT_S:
                self._cancel(f"the load did not begin within {GATHER_LIMIT_S:.0f} s: {self.lacking()}")
        elif self.phase == OVER and (self._have_all(LOAD, (ENDED, WRITTEN)) or waited_s > TALLY_LIMIT_S):
            self._enter(TALLIED)
        elif self.phase == TALLIED:
            have_written = self._have_all(LOAD, (WRITTEN,)) and self._have_all(OBSERVER, (WRITTEN,))
            if have_written or waited_s > CLOSE_LIMIT_S:
                self._enter(CLOSED)

    def is_complete(self) -> bool:
        """Return True if the load may begin."""
        observers = self._cards(OBSERVER)
        are_ready = len(observers) >= self.expected.observers and all(card.state == READY for card in observers)
        return self.locust_is_up and len(self._cards(LOAD)) >= self.expected.loads and are_ready

    def lacking(self) -> str:
        """Say what the run waits for."""
        loads, observers = self._cards(LOAD), self._cards(OBSERVER)
        texts = [] if self.locust_is_up else ["Locust's master is not loaded"]
        if len(loads) < self.expected.loads:
            texts.append(f"{len(loads)} of {self.expected.loads} processes of Locust have come")
        if len(observers) < self.expected.observers:
            texts.append(f"{len(observers)} of {self.expected.observers} uWSGI hosts have come (`make observe`)")
        texts += [f"uWSGI on {card.host} is not ready ({card.state})" for card in observers if card.state != READY]
        return "; ".join([*texts, *self.refused])

    def tally(self) -> Tally:
        """Return what became of the requests of all load hosts that have said it."""
        total = Tally()
        for card in self._cards(LOAD):
            if card.tally is not None:
                total.add(Tally.of(card.tally))
        return total

    def _cards(self, role: str) -> list[Card]:
        return [seen.card for seen in self.hosts.values() if seen.card.role == role]

    def _have_all(self, role: str, states: tuple[str, ...]) -> bool:
        """Return True if no host of this role is waited for: it is in one of `states`, or has been silent too long."""
        now_s = self.clock()
        return all(
            seen.card.state in states or now_s - max(seen.at_s, self._since_s) > SILENT_S
            for seen in self.hosts.values()
            if seen.card.role == role
        )

    def _cancel(self, problem: str) -> None:
        self.problem = problem
        self.send("cancel")
        self._enter(OVER)

    def _enter(self, phase: str) -> None:
        self.phase, self._since_s = phase, self.clock()
