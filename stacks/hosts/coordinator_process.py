"""The process of the coordinator: the recorder of Locust's master starts it, and it closes the run, whatever has died.

It listens for the hosts (`caller`), reads the words of its Locust on an inherited socket, and writes run.json into the
results location: at the start, and once more when every part is there or its time is over.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import sys
import time
from typing import Any

from stacks.hosts import closing
from stacks.hosts.caller import MOST_BYTES
from stacks.hosts.card import Card, parse
from stacks.hosts.clocks import clock_id
from stacks.hosts.coordinator import CLOSED, Coordinator, Expected
from stacks.hosts.location import Location
from stacks.hosts.pack_version import pack_version
from stacks.hosts.retrying import keep_trying
from stacks.lifecycle import pack_fault, strict_json
from stacks.lifecycle.parts import clean
from stacks.lifecycle.records import RecordError

STEP_S = 0.05
WRITE_LIMIT_S = 60.0  # how long the location may be out of reach when the run is closed


class Process:
    """The sockets of one coordinator."""

    def __init__(self, coordinator: Coordinator, words: socket.socket) -> None:
        self.coordinator, self.words = coordinator, words
        self._error: Exception | None = None  # of an answer

    async def serve(self, bind: str, port: int) -> None:
        """Answer the hosts until the run can be closed. Raises OSError if the port is taken."""
        server = await asyncio.start_server(self._answer, bind or None, port, limit=MOST_BYTES)
        reader, _ = await asyncio.open_connection(sock=self.words)
        follower = asyncio.create_task(self._follow(reader))
        announced = ""
        while self.coordinator.phase != CLOSED:
            await asyncio.sleep(STEP_S)
            self.coordinator.step()
            if self._error is not None:
                raise self._error
            for why in self.coordinator.refused:
                if why not in announced:
                    announced += why
                    print(f"refused: {why}", file=sys.stderr, flush=True)
        # Hosts that have just written their part learn from their next question that the run is closed.
        await asyncio.sleep(4 * STEP_S)
        follower.cancel()
        server.close()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            self.coordinator.take_word(line.decode(errors="replace").strip())
        self.coordinator.take_word("end")  # Locust has ended, perhaps without a word

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                card = parse(strict_json.loads(line))
                answer: dict[str, Any] = self._take_card(card)
                answer["t_ns"] = time.monotonic_ns()
                writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                await writer.drain()
        writer.close()

    def _take_card(self, card: Card) -> dict[str, Any]:
        """Answer a host. An error here ends the run, not only the connection of this host."""
        try:
            return self.coordinator.take_card(card)
        except Exception as error:
            self._error = self._error or error
            raise OSError("the coordinator has a fault") from error


def main(arguments: list[str] | None = None) -> int:
    """Lead one run. Returns 0 if every part is there."""
    parser = argparse.ArgumentParser(prog="python -m stacks.hosts.coordinator_process", description=__doc__)
    for name in ("--location", "--campaign", "--bind", "--scenario"):
        parser.add_argument(name, required=True)
    for name in ("--port", "--fd", "--loads", "--observers", "--users"):
        parser.add_argument(name, type=int, required=True)
    options = parser.parse_args(arguments)
    campaign = clean(options.campaign or time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
    words = socket.socket(fileno=options.fd)

    def send(word: str) -> None:
        with contextlib.suppress(OSError):
            words.send(f"{word}\n".encode())

    expected = Expected(campaign, options.loads, options.observers, pack_version(), clock_id())
    coordinator = Coordinator(expected, send, time.monotonic)
    try:
        location = Location(options.location).below(campaign)
        closing.begin(location, expected, users=options.users, scenario=options.scenario)
    except (RecordError, OSError) as error:
        print(f"the run cannot be led: {error}", file=sys.stderr, flush=True)
        send("cancel")
        return 1
    try:
        asyncio.run(Process(coordinator, words).serve(options.bind, options.port))
    except Exception as error:  # the run is closed all the same: what its hosts have recorded stays
        is_expected = isinstance(error, OSError)
        coordinator.problem = f"the run cannot be led: {error}" if is_expected else pack_fault.report(error)
        print(coordinator.problem, file=sys.stderr, flush=True)
        send("cancel quit")
    return close(location, coordinator)


def close(location: Location, coordinator: Coordinator) -> int:
    """Close the run. Returns 0 if nothing is missing."""
    record: dict[str, Any] = {}
    errors: list[Exception] = []

    def write() -> None:
        record.update(closing.close(location, coordinator.problem, coordinator.refused, coordinator.counted))

    if not keep_trying(write, WRITE_LIMIT_S, errors.append):
        print(f"{errors[-1]} Close the run later: python -m stacks close {location.url}", file=sys.stderr)
        return 1
    print(closing.describe(location, record), file=sys.stderr, flush=True)
    return 0 if record["status"] == "done" else 1


if __name__ == "__main__":
    code = pack_fault.guarded(main)
    sys.stderr.flush()
    os._exit(code)  # no connection is waited for
