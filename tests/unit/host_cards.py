"""Cards of hosts for the tests of this room."""

from __future__ import annotations

from typing import Any

from stacks.hosts.card import LOAD, OBSERVER, READY, RECORDING, Card
from stacks.hosts.clocks import Offset
from stacks.lifecycle.losses import Tally

PACK = "files 1"


def load(host: str = "a", state: str = RECORDING, **more: Any) -> Card:
    values = {"part": f"night~{host}~1~1", "pack": PACK, "clock": host, "offset": Offset(1000, 20), **more}
    return Card(role=LOAD, host=host, pid=1, state=state, **values)


def observer(state: str = READY, host: str = "u", **more: Any) -> Card:
    values = {"part": f"night~{host}~9~1", "pack": PACK, "clock": host, "offset": Offset(400, 5), **more}
    return Card(role=OBSERVER, host=host, pid=9, state=state, **values)


def tally(answered: int = 3, requests: int = 3) -> dict[str, Any]:
    return Tally(requests=requests, answered=answered, slowest_us=10, pids={answered}).to_json()
