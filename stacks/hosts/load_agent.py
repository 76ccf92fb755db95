"""The companion of one Locust process: it ships the rows, measures the clock, and tells the coordinator how far it is.

The recorder starts it (`python -m stacks.hosts.load_agent`), and it outlives its Locust: standard input ends when
Locust ends, however it ends. Its first line on standard output is `welcome`, `alone` (no coordinator answers: the rows
go to the location all the same), or `refused` and the reason. A later line `quit` tells Locust that the run is over.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from stacks.hosts.caller import Caller, parse_address
from stacks.hosts.card import ENDED, LOAD, RECORDING, WRITTEN, Card
from stacks.hosts.clocks import NOT_MEASURED, Offset, clock_id
from stacks.hosts.coordinator import LAST_PHASES
from stacks.hosts.pack_version import pack_version
from stacks.hosts.retrying import keep_trying
from stacks.lifecycle import pack_fault
from stacks.lifecycle.parts import Part
from stacks.lifecycle.records import REQUEST_PART, RecordError
from stacks.observe import host, proc

# A row waits up to 0.2 s in Locust (recording/_part_file.py) and this long in the spool: less than a second if the
# machine has CPU time to spare.
SHIP_S = 0.6
ASK_S = 0.5
HELLO_LIMIT_S = 10.0
FINISH_LIMIT_S = 60.0  # how long the location may be out of reach at the end
BYE_LIMIT_S = 10.0
# The users of a test that was stopped may finish their requests. After this time Locust is told to end: its master,
# which tells it otherwise, may have died.
ORDERLY_S = 15.0
EXIT_OK, EXIT_LOST, EXIT_REFUSED = 0, 1, 3


class LoadAgent:
    """One agent. `main` runs it."""

    def __init__(self, caller: Caller, location_url: str, spool_directory: Path, pid: int, campaign: str) -> None:
        self.caller, self.location_url, self.directory, self.pid = caller, location_url, spool_directory, pid
        self.campaign = campaign
        self.observer = NOT_MEASURED  # the offset from the observer's clock to the coordinator's
        self.card = Card(LOAD, "", host.host()["hostname"], pid, pack_version(), clock_id(), RECORDING)
        self.refused = ""
        self._problem = ""  # what has cost rows
        self._outage = ""  # why the location cannot be written now
        self._is_told = False
        self._over_s: float | None = None  # since when the run is over
        self._used = (0.0, 0.0)  # when, and CPU seconds of Locust until then
        self.start_ms = time.time_ns() // 1_000_000

    def ask(self) -> bool:
        """Tell the coordinator the card, and take its answer. Returns False if there was none."""
        self._measure_cpu()
        self.card.problem = self._problem or self._outage
        answer = self.caller.tell(self.card)
        if answer is None:
            return False
        self.refused = str(answer.get("refused") or "")
        self.campaign = self.campaign or str(answer.get("campaign") or "")
        if answer.get("phase") in LAST_PHASES and not self._is_told:
            self._is_told, self._over_s = True, time.monotonic()
        if isinstance(observer := answer.get("observer"), dict):
            self.observer = Offset(int(observer["ns"]), int(observer["bound_ns"]), bool(observer["agrees"]))
        return True

    def shift(self) -> Offset:
        """Return what to add to times of this host to get those of the observer, as far as it is known now."""
        return self.card.offset.then(self.observer.back())

    def hello(self, limit_s: float = HELLO_LIMIT_S) -> str:
        """Find the coordinator. Returns the first line of output."""
        keep_trying(self._reach, limit_s)
        self.campaign = self.campaign or time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        self.part = Part.of(self.campaign, self.card.host, self.pid, self.start_ms)
        self.card.part = self.part.text
        if self.refused:
            return f"refused {self.refused}"
        return "welcome" if self.caller.trips.count else "alone"

    def get_ready(self) -> None:
        """Load what `record` works with. It takes 0.5 s of CPU time, which is not to be a part of the load."""
        import pyarrow.fs

        import stacks.hosts.spool  # noqa: F401

        # The default pool gives memory back at once, and takes it anew at each piece: a fifth of the time of an agent.
        pyarrow.set_memory_pool(pyarrow.system_memory_pool())

    def record(self) -> int:
        """Ship until Locust has ended, then finish the part. Returns the exit code."""
        from stacks.hosts.location import Location
        from stacks.hosts.spool import Spool

        location = Location(self.location_url).below(self.campaign)
        file = self.directory / REQUEST_PART.format(pid=self.pid)
        self.spool = Spool(file, location, self.part, self.card.clock, self.shift)
        has_ended = threading.Event()
        shipper = threading.Thread(target=self._ship_until, args=(has_ended,), daemon=True)
        shipper.start()
        while not _has_line_or_end(ASK_S, self._take_problem):
            self.ask()
            if self._over_s is not None and time.monotonic() - self._over_s > ORDERLY_S:
                self._over_s = None
                _say("quit")
        has_ended.set()
        self.card.state = ENDED
        self.card.tally = self.spool.tally().to_json()
        self.ask()
        with self._asking():
            shipper.join(FINISH_LIMIT_S)
        is_written = not shipper.is_alive() and self._finish()
        if is_written:
            shutil.rmtree(self.directory, ignore_errors=True)
        return EXIT_OK if is_written else EXIT_LOST

    def _take_problem(self, text: str) -> None:
        self._problem = text[:300]

    def _ship_until(self, has_ended: threading.Event) -> None:
        is_announced = False
        while not has_ended.wait(SHIP_S):
            try:
                if not is_announced:
                    self.spool.location.write(self.card.file, self.card.to_bytes())
                    is_announced = True
                self.spool.ship()
                self.card.rows = self.spool.shipped_rows
                self._outage = ""
            except (RecordError, OSError) as error:  # it is tried again; the rows are in the spool
                self._outage = str(error)
            except Exception as error:  # a fault of the pack, once: the rows are in the spool
                self._problem = pack_fault.report(error)
                print(self._problem, file=sys.stderr, flush=True)
                return

    def _finish(self) -> bool:
        """Write the whole part and the card. Tries again for FINISH_LIMIT_S. Returns True if both are there."""
        is_complete = self.spool.is_complete()
        if not is_complete and not self._problem:
            self._problem = (
                "its Locust was killed, so the rows of its last 0.2 s and its requests in flight are missing"
            )

        written: list[Card] = []

        def write() -> None:
            rows = self.spool.finish()
            if self.spool.bad_rows:
                self._problem = f"{self.spool.bad_rows} lines of its spool are no rows"
            is_whole = is_complete and not self._problem
            # The coordinator hears of this card only when the location has it.
            card = replace(self.card, rows=rows, problem=self._problem, complete=is_whole, state=WRITTEN)
            self.spool.location.write(card.file, card.to_bytes())
            written.append(card)

        def note(error: Exception) -> None:
            self._outage = str(error)

        with self._asking():
            keep_trying(write, FINISH_LIMIT_S, note)
        if written:
            self.card, self._outage = written[-1], ""
            if self.caller.trips.count:
                keep_trying(self._reach, BYE_LIMIT_S)
            with contextlib.suppress(RecordError, OSError):  # what is left over disturbs no reader
                self.spool.tidy()
            return True
        card = self.card
        card.state, card.problem = ENDED, self._problem or self._outage
        with contextlib.suppress(RecordError, OSError):  # a full disk here leaves the pieces, with every row
            self.spool.ship()
            self.spool.location.write(card.file, card.to_bytes())
        print(f"{card.host}: {self.spool.file} keeps the rows: {card.problem}", file=sys.stderr, flush=True)
        self.ask()
        return False

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """Go on to ask during the block: a long part takes longer than the coordinator waits for a silent host."""
        is_over = threading.Event()

        def ask() -> None:
            while not is_over.wait(ASK_S):
                self.ask()

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        try:
            yield
        finally:
            is_over.set()
            asking.join()

    def _reach(self) -> None:
        if not self.ask():
            raise OSError(self.caller.error)

    def _measure_cpu(self) -> None:
        """Note how many cores Locust used since the last look, a second or more ago."""
        times = os.times()
        self.card.recorder_cpu_s = round(times.user + times.system, 2)
        stat = proc.stat(self.pid)
        now_s, (then_s, used_s) = time.monotonic(), self._used
        if stat is None or now_s - then_s < 1.0:
            return
        cpu_s = stat.ticks / proc.CLOCK_TICKS
        if then_s:
            self.card.cores = round(max(self.card.cores, (cpu_s - used_s) / (now_s - then_s)), 2)
        self.card.locust_cpu_s = cpu_s
        self._used = (now_s, cpu_s)


def _say(line: str) -> None:
    """Tell Locust. It is no error if Locust has ended."""
    with contextlib.suppress(BrokenPipeError):
        print(line, flush=True)


def _has_line_or_end(limit_s: float, take: Callable[[str], None]) -> bool:
    """Wait for `limit_s`. Returns True if standard input has ended. A line `problem TEXT` goes to `take`."""
    readable, _, _ = select.select([0], [], [], limit_s)
    if not readable:
        return False
    data = os.read(0, 1 << 16)
    for line in data.decode(errors="replace").splitlines():
        word, _, text = line.partition(" ")
        if word == "problem":
            take(text)
    return not data


def main(arguments: list[str] | None = None) -> int:
    """Run the agent of one Locust process."""
    parser = argparse.ArgumentParser(prog="python -m stacks.hosts.load_agent", description=__doc__)
    for name in ("--location", "--master", "--spool"):
        parser.add_argument(name, required=True)
    parser.add_argument("--campaign", default="")
    parser.add_argument("--pid", type=int, required=True)
    options = parser.parse_args(arguments)
    caller = Caller(parse_address(options.master))
    agent = LoadAgent(caller, options.location, Path(options.spool), options.pid, options.campaign)
    line = agent.hello()
    if not agent.refused:
        agent.get_ready()
    _say(line)
    if agent.refused:
        return EXIT_REFUSED
    try:
        return agent.record()
    except RecordError as error:
        print(f"{agent.card.host}: {error} The rows are kept in {agent.directory}.", file=sys.stderr, flush=True)
        return EXIT_LOST


if __name__ == "__main__":
    code = pack_fault.guarded(main)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a thread may still wait for a location that does not answer
