"""What a process on one of the hosts says of itself: its card, a file in the results location and a message.

A card goes to the coordinator with every message, and to `hosts/PART.json` when it changes. So the run can be closed
from its location alone, whoever has died.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from stacks.hosts.clocks import NOT_MEASURED, Offset
from stacks.lifecycle import strict_json
from stacks.lifecycle.losses import Tally

CARDS_DIR = "hosts"
LOAD, OBSERVER = "load", "observer"
# A load process: its Locust runs, its Locust has ended, its part is whole in the location.
# An observer: its uWSGI starts, is ready, gets load, is judged and stopped, and its files are in the location.
RECORDING, ENDED, WRITTEN = "recording", "ended", "written"
STARTING, READY, LOADING, SETTLING = "starting", "ready", "loading", "settling"
STATES = {LOAD: (RECORDING, ENDED, WRITTEN), OBSERVER: (STARTING, READY, LOADING, SETTLING, WRITTEN)}


@dataclass
class Card:
    """One process. `part` is the name of what it records."""

    role: str
    part: str
    host: str
    pid: int
    pack: str  # the version of the pack there
    clock: str  # clocks.clock_id()
    state: str
    rows: int = 0  # of requests, in the location
    complete: bool = False  # the last row is in the location
    problem: str = ""  # what went wrong, in one sentence
    offset: Offset = NOT_MEASURED  # what to add to its times to get those of the coordinator
    coordinator_clock: str = ""
    round_trips: int = 0
    tally: dict[str, Any] | None = None  # losses.Tally of its requests, when they have ended
    cores: float = 0.0  # the most that its Locust used in any second
    recorder_cpu_s: float = 0.0  # of the process that ships the rows
    locust_cpu_s: float = 0.0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Its name in the results location."""
        return f"{CARDS_DIR}/{self.part}.json"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_bytes(self) -> bytes:
        return json.dumps(self.to_json(), separators=(",", ":")).encode() + b"\n"


def parse(value: Any) -> Card:
    """Make a card of what another host has sent. Raises ValueError, whose text says what is wrong."""
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    try:
        offset = Offset(int(value["offset"]["ns"]), int(value["offset"]["bound_ns"]), bool(value["offset"]["agrees"]))
        card = Card(**value | {"offset": offset})
        texts = (card.role, card.part, card.host, card.pack, card.clock, card.state, card.problem)
        if card.tally is not None:
            Tally.of(card.tally)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"no card of a host ({error})") from None
    if not all(isinstance(text, str) for text in texts) or card.state not in STATES.get(card.role, ()):
        raise ValueError("no card of a host")
    if not all(type(number) is int for number in (card.pid, card.rows, card.round_trips)):
        raise ValueError("no card of a host")
    return card


def load_card(data: bytes) -> Card:
    """Parse a file of CARDS_DIR. Raises ValueError."""
    return parse(strict_json.loads(data))
