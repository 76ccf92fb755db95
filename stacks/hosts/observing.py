"""The uWSGI host of a run on many hosts: it runs one stack, or watches a uWSGI, under a load that other hosts send.

The run itself is that of `serve`, as for the web UI. This process stands between it and the coordinator: it passes the
words for the load (`external_load`), gives it the tallies of the load hosts, and ships its files to the location.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stacks.catalogue import ROOT
from stacks.hosts.caller import Caller
from stacks.hosts.card import LOADING, OBSERVER, READY, SETTLING, STARTING, WRITTEN, Card
from stacks.hosts.clocks import clock_id
from stacks.hosts.coordinator import GO, LAST_PHASES, ON
from stacks.hosts.load_agent import SHIP_S
from stacks.hosts.location import Location
from stacks.hosts.pack_version import pack_version
from stacks.hosts.retrying import keep_trying
from stacks.lifecycle import pack_fault
from stacks.lifecycle.losses import TALLY_FILE
from stacks.lifecycle.parts import EVENTS_DIR, OBSERVER_FILE, Part
from stacks.lifecycle.records import CAMPAIGN_FILE, EVENTS_FILE, REQUESTS_FILE, RUN_FILE, RecordError, write_json
from stacks.observe import host

STEP_S = 0.05
ASK_S = 0.2
# Without a word of the coordinator for this long, the load counts as ended: nobody will say so.
LOST_S = 30.0
UPLOAD_LIMIT_S = 60.0
STATE_OF_PHASE = {"waiting": READY, "loading": LOADING, "settling": SETTLING, "stopping": SETTLING}
NOT_SHIPPED = (RUN_FILE, REQUESTS_FILE, EVENTS_FILE, TALLY_FILE)  # these get another name, or belong to other hosts


class Observing:
    """One run on this host. `run` carries it out."""

    def __init__(self, caller: Caller, location_url: str, arguments: list[str]) -> None:
        """`arguments` are those of `serve`, without `--locust`."""
        self.caller, self.location_url, self.arguments = caller, location_url, arguments
        self.card = Card(OBSERVER, "", host.host()["hostname"], os.getpid(), pack_version(), clock_id(), STARTING)
        self.directory: Path | None = None
        self.line: dict[str, Any] = {}  # the newest one of `serve`
        self.phase = ""  # of the coordinator
        self._sent: set[str] = set()
        self._shipped = 0  # bytes of events.jsonl
        self._pieces = 0

    def hello(self, limit_s: float) -> None:
        """Find the coordinator. Raises RecordError if there is none, or if it refuses this host."""
        answer: dict[str, Any] = {}

        def reach() -> None:
            nonlocal answer
            answer = self._ask() or {}
            if not answer:
                raise OSError(self.caller.error)

        if not keep_trying(reach, limit_s):
            where = ":".join(map(str, self.caller.address))
            raise RecordError(
                f"{where}: no coordinator answers ({self.caller.error}). Start Locust's master there with the "
                "recorder and PACK_LOCATION, or name its host with --master."
            )
        if answer.get("refused"):
            raise RecordError(str(answer["refused"]))
        campaign = str(answer["campaign"])
        self.card.part = Part.of(campaign, self.card.host, self.card.pid, time.time_ns() // 1_000_000).text
        self.location = Location(self.location_url).below(campaign)
        self._write_card()

    def run(self) -> dict[str, Any]:
        """Carry the run out. Returns its run.json. Raises RecordError if there is none."""
        command = [sys.executable, "-m", "stacks", "serve", *self.arguments, "--locust", "-1"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - they are pipes
        os.set_blocking(process.stdout.fileno(), False)
        has_ended = threading.Event()
        shipper = threading.Thread(target=self._ship_until, args=(has_ended,), daemon=True)
        shipper.start()
        heard_s = asked_s = time.monotonic()
        text = b""
        while process.poll() is None or text:
            text = self._read_lines(process, text)
            now_s = time.monotonic()
            if now_s - asked_s >= ASK_S:
                asked_s = now_s
                answer = self._ask()
                if answer is not None:
                    heard_s = now_s
                    self._pass_on(process, answer)
                elif now_s - heard_s > LOST_S:
                    self._give_up(process)
            time.sleep(STEP_S)
        has_ended.set()
        shipper.join(UPLOAD_LIMIT_S)
        return self._finish()

    # -- the coordinator ------------------------------------------------------------------------

    def _ask(self) -> dict[str, Any] | None:
        answer = self.caller.tell(self.card)
        if answer is not None:
            self.phase = str(answer.get("phase", ""))
        return answer

    def _pass_on(self, process: subprocess.Popen[bytes], answer: dict[str, Any]) -> None:
        """Tell the run what the coordinator says of the load."""
        if self.phase in (GO, ON) and self.card.state == READY:
            self._send(process, "go")
        if self.phase in LAST_PHASES:
            if "go" not in self._sent:
                self._give_up(process)
                return
            self._send(process, "stop")
        if "tally" in answer and self.directory is not None and "done" not in self._sent:
            with contextlib.suppress(OSError):  # a full disk: the verdict is given without the tallies
                write_json(self.directory / TALLY_FILE, answer["tally"])
            self._send(process, "done")

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        """The load has ended, or never comes: the end of the file stands for `stop` and `done`."""
        if "go" in self._sent and not self.card.problem:
            self.card.problem = f"the master was lost: no word of it for {LOST_S:.0f} s"
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        with contextlib.suppress(OSError):
            process.stdin.close()

    def _send(self, process: subprocess.Popen[bytes], word: str) -> None:
        if word not in self._sent and process.stdin is not None and not process.stdin.closed:
            self._sent.add(word)
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{word}\n".encode())
                process.stdin.flush()

    # -- the run --------------------------------------------------------------------------------

    def _read_lines(self, process: subprocess.Popen[bytes], text: bytes) -> bytes:
        """Take the lines that the run has printed. Returns the part of a line that is left."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        try:
            data = os.read(process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return text
        *lines, rest = (text + data).split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.line = json.loads(line)
                if "directory" in self.line:
                    self.directory = Path(self.line["directory"])
                self.card.state = STATE_OF_PHASE.get(self.line.get("phase", ""), self.card.state)
        return rest if data else b""

    # -- its files ------------------------------------------------------------------------------

    def _ship_until(self, has_ended: threading.Event) -> None:
        while not has_ended.wait(SHIP_S):
            try:
                self._ship_events()
            except (RecordError, OSError):  # it is tried again; the rows are in the run's directory
                continue
            except Exception as error:
                self.card.problem = pack_fault.report(error)
                print(self.card.problem, file=sys.stderr, flush=True)
                return

    def _ship_events(self) -> None:
        """Write the whole rows that are new as one more piece, and at first run.json."""
        if self.directory is None:
            return
        if not self._shipped and (self.directory / RUN_FILE).exists():
            self.location.upload(self.directory / RUN_FILE, OBSERVER_FILE)
        try:
            with (self.directory / EVENTS_FILE).open("rb") as file:
                file.seek(self._shipped)
                data = file.read()
        except FileNotFoundError:
            return
        rows = data[: data.rfind(b"\n") + 1]
        if rows:
            self.location.write(f"{EVENTS_DIR}/{self._pieces + 1:06d}.jsonl", rows)
            self._pieces, self._shipped = self._pieces + 1, self._shipped + len(rows)

    def _finish(self) -> dict[str, Any]:
        """Ship every file of the run, and say so. Returns run.json."""
        directory = self.directory
        if directory is None or not (directory / RUN_FILE).exists():
            self.card.problem = str(self.line.get("error") or "the run did not begin")
            self._end(self._end_card)
            raise RecordError(self.card.problem)
        record: dict[str, Any] = json.loads((directory / RUN_FILE).read_bytes())
        if record["status"] != "done":
            self.card.problem = str(record.get("error") or "the run has no verdict")

        def ship() -> None:
            for path in sorted(directory.rglob("*")):
                if path.is_file() and path.name not in NOT_SHIPPED and not path.name.startswith("."):
                    self.location.upload(path, str(path.relative_to(directory)))
            for name, source in ((EVENTS_FILE, directory / EVENTS_FILE), (OBSERVER_FILE, directory / RUN_FILE)):
                self.location.upload(source, name)
            if (campaign := directory.parent / CAMPAIGN_FILE).exists():
                self.location.upload(campaign, CAMPAIGN_FILE + ".observer")
            for name in self.location.names(EVENTS_DIR):
                self.location.delete(f"{EVENTS_DIR}/{name}")
            self._end_card()

        if not self._end(ship):
            raise RecordError(f"{self.location.url}: cannot be reached. The files of the run are kept in {directory}.")
        return record

    def _end_card(self) -> None:
        self.card.state, self.card.complete = WRITTEN, not self.card.problem
        self._write_card()
        self._ask()

    def _write_card(self) -> None:
        self.location.write(self.card.file, self.card.to_bytes())

    def _end(self, action: Callable[[], None]) -> bool:
        """Carry out the last action while the location may be out of reach. The coordinator is told that it lasts."""

        def note(error: Exception) -> None:
            print(error, file=sys.stderr, flush=True)
            self._ask()

        return keep_trying(action, UPLOAD_LIMIT_S, note)
