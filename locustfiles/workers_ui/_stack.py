"""The stack of the web UI, from Start to its results: `python -m stacks serve` as a process beside Locust.

That process owns uWSGI and the observer. This module reads its JSON lines, sends it commands, and reads the rows of its
run (events.jsonl).
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import gevent
from gevent.event import Event as Flag

from stacks.lifecycle.records import EVENTS_FILE
from workers_ui._history import History

ROOT = Path(__file__).resolve().parents[2]
# The run itself says when the workers accept. There is no limit for that: an import may take a minute, and so may the
# virtual environment before it.
LOAD_LIMIT_S = 60.0  # from `go` to the phase `loading`: 50 ms, but for a machine with much other work
END_LIMIT_S = 20.0  # for a stop (INT 2 s, TERM 1 s, KILL) and the summary
FOLLOW_S = 0.2
PIECE = 1 << 20  # bytes of rows to judge before other greenlets run
ENDED = ("failed", "written")
PAGE_FILE = "report.html"  # that `python -m analysis summary` writes, which `serve` starts


class CannotServe(Exception):
    """The stack did not start. The text says why."""


class Stack:
    """One run of one stack, as far as it has come."""

    def __init__(self, choice, popen=subprocess.Popen):
        self.choice = choice
        self.phase = "preparing"
        self._seen = set()  # phases so far
        self.error = ""
        self.verdict = None  # set when the rows behind it are read, so that it agrees with the lanes and the counts
        self._sent_verdict = None
        self._expected = ""
        self._helps = []  # of the expected verdict
        self.directory = None
        self.port = 0
        self.history = History()
        self.ended = Flag()  # set when the process has ended and every row is read
        self._silent = Flag()  # set when the process has ended
        self._changed = Flag()
        self.is_stopping = False
        command = [sys.executable, "-m", "stacks", "serve", "--locust", str(os.getpid())]
        for name, value in choice.items():
            if value:
                command += [f"--{name.replace('_', '-')}", str(value)]
        self._process = popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,  # Ctrl-C reaches only Locust, which then ends the stack in order
        )
        gevent.spawn(self._listen)
        gevent.spawn(self._follow)

    # -- messages from the process --------------------------------------------------------------

    def _listen(self):
        for line in self._process.stdout:
            self.take(json.loads(line))
        self._process.wait()
        if self.phase not in ENDED:
            self.take({"phase": "failed", "error": "The process that runs the stack ended without a result."})
        self._close_stdin()
        self._silent.set()

    def take(self, row):
        """Take one JSON line of the process: its phase, and the values that are new."""
        self.phase = row["phase"]
        self._seen.add(self.phase)
        self.port = row.get("port", self.port)
        self.directory = row.get("directory", self.directory)
        if self.phase == "failed":
            self.error = row["error"]
        self._expected, self._helps = row.get("expected", self._expected), row.get("helps", self._helps)
        if "verdict" in row:
            verdict = {name: row[name] for name in ("verdict", "reason", "evidence")}
            self._sent_verdict = verdict if row["verdict"] else None
        self._changed.set()
        self._changed.clear()

    def _follow(self):
        """Feed the rows of the run to the history, until the process has ended and every row is read."""
        offset = 0
        is_last = False
        try:
            while not is_last:
                is_last = self._silent.wait(FOLLOW_S)
                verdict = self._sent_verdict  # the file has every row behind this verdict by now
                path = Path(self.directory or "", EVENTS_FILE)
                if self.directory and path.exists():
                    with path.open("rb") as file:
                        file.seek(offset)
                        while data := file.read(PIECE):
                            offset += len(data)
                            self.history.feed(data)
                            gevent.sleep(0)
                self.verdict = verdict
        finally:
            self.ended.set()

    def wait_for(self, *phases, limit_s=math.inf):
        """Wait until the run has been in one of `phases`, or has ended. Return True if it has been in one of them."""
        end = time.monotonic() + limit_s
        while not self._seen.intersection((*phases, *ENDED)):
            if time.monotonic() >= end:
                return False
            self._changed.wait(FOLLOW_S)
        return bool(self._seen.intersection(phases))

    # -- commands to the process ----------------------------------------------------------------

    def await_ready(self):
        """Wait until the workers accept. Raises CannotServe."""
        if not self.wait_for("waiting", "settling"):
            raise CannotServe(self.error)
        if "waiting" not in self._seen:
            raise CannotServe("No worker of the first generation became ready. The Workers tab shows why.")

    def go(self, pids):
        """Begin the load, which these processes send. Raises CannotServe."""
        self._send("go", *pids)
        if not self.wait_for("loading", limit_s=LOAD_LIMIT_S):
            raise CannotServe(self.error or self._failure())

    def _failure(self):
        """Say why no worker serves, from the rows of the run."""
        reason = self.history.lifecycle.ended
        if reason:
            return f"uWSGI did not start: {reason}. {self.directory}/uwsgi.log tells more."
        return "No worker of the first generation became ready. The Workers tab shows why."

    def stop(self):
        """Say that the load is over, because Locust stops its users."""
        self.is_stopping = True
        self._send("stop")

    def done(self):
        """Say that all users have finished, and that every row of them is written."""
        self._send("done")

    def _send(self, *words):
        try:
            self._process.stdin.write(f"{' '.join(map(str, words))}\n".encode())
            self._process.stdin.flush()
        except (OSError, ValueError):  # the process has ended
            pass

    def _close_stdin(self):
        try:
            self._process.stdin.close()
        except OSError:
            pass

    @property
    def helps(self):
        """What is known to be behind the verdict, and what helps: sentences, if the verdict is the expected one."""
        return self._helps if self.verdict and self.verdict["verdict"] == self._expected else []

    @property
    def page(self):
        """The path of the page of results, or None as long as there is none."""
        path = Path(self.directory).parent / PAGE_FILE if self.directory else None
        return path if path is not None and self.is_over and path.is_file() else None

    @property
    def is_over(self):
        return self.ended.is_set()

    @property
    def has_load(self):
        """Whether the stack is under load, and neither Stop nor an end was requested."""
        return self.phase == "loading" and not self.is_stopping

    def cancel(self):
        """End the process in any phase. Its files stay."""
        if not self.is_over:
            try:
                self._process.send_signal(signal.SIGTERM)
            except ProcessLookupError:
                pass

    def end(self):
        """Wait for the results. If they do not come in time, end the process."""
        if not self.ended.wait(END_LIMIT_S):
            self.cancel()
            self.ended.wait(END_LIMIT_S)
