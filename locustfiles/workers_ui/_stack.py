"""The stack behind the web UI: `python -m stacks serve` as a process beside Locust, from Start to its results.

It owns uWSGI and the observer; here its lines are followed, and the rows that its run writes.
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
# The run says when the workers accept; a minute of import, and the venv before it, are nothing unheard of.
LOAD_LIMIT_S = 5.0  # from `go` to `loading`: the observer looks every 50 ms
END_LIMIT_S = 20.0  # a stop is INT 2 s, TERM 1 s, KILL; then the summary
FOLLOW_S = 0.2
PIECE = 1 << 20
ENDED = ("failed", "written")


class CannotServe(Exception):
    """The stack did not come up; the text says why."""


class Stack:
    """One run of one stack, as far as it has come."""

    def __init__(self, choice, popen=subprocess.Popen):
        self.choice = choice
        self.phase = "preparing"
        self._seen = set()
        self.error = ""
        self.verdict = None  # once the rows are read that it was judged from, so that lanes and counts agree with it
        self._told = None
        self.directory = None
        self.port = 0
        self.history = History()
        self.ended = Flag()  # and every row of it has been read
        self._silent = Flag()  # it says nothing more
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
            start_new_session=True,  # Ctrl-C is for Locust, which ends the stack in order
        )
        gevent.spawn(self._listen)
        gevent.spawn(self._follow)

    # -- what it says ---------------------------------------------------------------------------

    def _listen(self):
        for line in self._process.stdout:
            self.take(json.loads(line))
        self._process.wait()
        if self.phase not in ENDED:
            self.take({"phase": "failed", "error": "the process that serves the stack ended without a word"})
        self._close_stdin()
        self._silent.set()

    def take(self, row):
        """One line of it."""
        self.phase = row["phase"]
        self._seen.add(self.phase)
        self.port = row.get("port", self.port)
        self.directory = row.get("directory", self.directory)
        if self.phase == "failed":
            self.error = row["error"]
        if "verdict" in row:
            found = {name: row[name] for name in ("verdict", "reason", "evidence")}
            self._told = found if row["verdict"] else None
        self._changed.set()
        self._changed.clear()

    def _follow(self):
        """Feed the rows that the run writes to the judge, a piece at a time, until there are no more."""
        offset = 0
        is_last = False
        try:
            while not is_last:
                is_last = self._silent.wait(FOLLOW_S)
                told = self._told  # every row of which is in the file by now
                path = Path(self.directory or "", EVENTS_FILE)
                if self.directory and path.exists():
                    with path.open("rb") as file:
                        file.seek(offset)
                        while data := file.read(PIECE):
                            offset += len(data)
                            self.history.feed(data)
                            gevent.sleep(0)
                self.verdict = told
        finally:
            self.ended.set()

    def until(self, *phases, limit_s=math.inf):
        """Wait until it has been in one of `phases`, or is over; says which of both."""
        end = time.monotonic() + limit_s
        while not self._seen.intersection((*phases, *ENDED)):
            if time.monotonic() >= end:
                return False
            self._changed.wait(FOLLOW_S)
        return bool(self._seen.intersection(phases))

    # -- what it is told ------------------------------------------------------------------------

    def await_ready(self):
        """Until its workers accept. Raises CannotServe."""
        if not self.until("waiting", "settling"):
            raise CannotServe(self.error)
        if "waiting" not in self._seen:
            raise CannotServe("no worker of the first generation came up; the Workers tab shows why")

    def go(self, pids):
        """The load begins, from these processes. Raises CannotServe."""
        self._say("go", *pids)
        if not self.until("loading", limit_s=LOAD_LIMIT_S):
            raise CannotServe(self.error or self._why_nobody_serves())

    def _why_nobody_serves(self):
        """What the run's rows say of a stack that came to nothing."""
        gone = self.history.lifecycle.ended
        if gone:
            return f"uWSGI did not come up: {gone}; {self.directory}/uwsgi.log tells more"
        return "no worker of the first generation came up; the Workers tab shows why"

    def stop(self):
        """Users are told to finish: the load is over."""
        self.is_stopping = True
        self._say("stop")

    def done(self):
        """Users have finished, and their rows are written."""
        self._say("done")

    def _say(self, *words):
        try:
            self._process.stdin.write(f"{' '.join(map(str, words))}\n".encode())
            self._process.stdin.flush()
        except (OSError, ValueError):  # it has ended
            pass

    def _close_stdin(self):
        try:
            self._process.stdin.close()
        except OSError:
            pass

    @property
    def is_over(self):
        return self.ended.is_set()

    @property
    def has_load(self):
        """Whether it stands under load, as far as nobody has asked for its end."""
        return self.phase == "loading" and not self.is_stopping

    def cancel(self):
        """End it, whatever it is at; what it has recorded stays."""
        if not self.is_over:
            try:
                self._process.send_signal(signal.SIGTERM)
            except ProcessLookupError:
                pass

    def end(self):
        """Wait for its results, and end it where they do not come."""
        if not self.ended.wait(END_LIMIT_S):
            self.cancel()
            self.ended.wait(END_LIMIT_S)
