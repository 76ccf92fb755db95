"""Asks the coordinator: one line of JSON there, one line back. Every exchange measures the offset of the clocks too."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable
from typing import Any

from stacks.hosts.card import Card
from stacks.hosts.clocks import SAME, RoundTrips
from stacks.lifecycle import strict_json

ANSWER_LIMIT_S = 3.0  # without an answer for this long, the connection is made anew
MOST_BYTES = 1 << 20  # of a line
DEFAULT_PORT = 5558  # the port after the one on which Locust's master listens


class Caller:
    """The connection with the coordinator at `address`. It is made when it is needed, and again when it is lost."""

    def __init__(self, address: tuple[str, int], clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.address = address
        self.trips = RoundTrips()
        self.error = ""  # why the last question had no answer
        self._clock = clock
        self._socket: socket.socket | None = None

    def ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer, or None if the coordinator cannot be reached now; `error` says why."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self.address, timeout=ANSWER_LIMIT_S)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line = json.dumps(question, separators=(",", ":")).encode() + b"\n"
            sent_ns = self._clock()
            self._socket.sendall(line)
            answer = strict_json.loads(self._read_line())
            received_ns = self._clock()
            if not isinstance(answer, dict) or not isinstance(answer.get("t_ns"), int):
                raise ValueError("what listens there is no coordinator of this pack")
        except (OSError, ValueError) as error:
            self.error = str(error)
            self.close()
            return None
        self.trips.add(sent_ns, answer["t_ns"], received_ns)
        return answer

    def tell(self, card: Card) -> dict[str, Any] | None:
        """Tell a card, as `ask` does, and note on it what is known of the clocks since."""
        answer = self.ask(card.to_json())
        if answer is not None:
            card.coordinator_clock = str(answer.get("clock"))
            card.offset = SAME if card.coordinator_clock == card.clock else self.trips.offset()
            card.round_trips = self.trips.count
        return answer

    def _read_line(self) -> bytes:
        assert self._socket is not None  # noqa: S101 - `ask` has connected it
        data = b""
        end_s = time.monotonic() + ANSWER_LIMIT_S
        while not data.endswith(b"\n"):
            more = self._socket.recv(1 << 16)
            data += more
            if not more or len(data) > MOST_BYTES or time.monotonic() > end_s:
                raise OSError("the connection ended before the answer")
        return data

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def parse_address(text: str) -> tuple[str, int]:
    """Parse `HOST[:PORT]`. Raises ValueError, whose text is a sentence."""
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r} is not the address of a master; write HOST or HOST:PORT")
    return host.strip("[]"), int(port or DEFAULT_PORT)
