"""One run: one scenario against one cell, from the start of both to a verdict, a stop and a clean machine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stacks.catalogue.triggers import Triggers, parse
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.losses import losses
from stacks.lifecycle.records import INI_FILE, LOG_FILE, RUN_FILE, read_json, write_json
from stacks.lifecycle.verdict import Judgement, judge
from stacks.observe import proc, stats_socket
from stacks.observe.collectors import backtrace, is_readable
from stacks.observe.observer import Observer
from stacks.run import probe, stack_files, supervisor
from stacks.run.hammer import Hammer
from stacks.run.last_words import last_words
from stacks.run.outside_load import Outside

# How long a stack may take until its first workers accept; an import of a minute is nothing unheard of.
START_LIMIT_S = 120.0
# A run goes on past its window while respawns are missing and workers are still on their way.
LIMIT_S = 90.0
# As long as respawns come, more will: the master makes about one a worker and second.
QUIET_S = 3.0
# The stop that follows is to meet no worker on its way up: it has its master's handlers until it accepts, and
# swallows the signal; one that has only just begun to accept may take it in a request thread, whose exit waits for
# the main thread. Those that the last answers sent away are back within the master's 1 s loop.
CALM_S, CALM_LIMIT_S = 0.2, 3.0
# After the verdict a backtrace that is being taken is waited for.
EVIDENCE_LIMIT_S = 5.0
PROGRESS_S = 0.2
JUDGING_SHARE = 50  # at most a fiftieth of the observer's time goes into it
# uWSGI has internal routing only where libpcre was there when it was built; without it nobody says who answered.
DISPENSABLE = ("route-run",)
PORT_TRIES = 3  # between finding a free port and uWSGI's bind somebody else may take it


class CannotMeasure(Exception):
    """The stack cannot be measured; the text says why and what to do."""


class Interrupted(Exception):
    """SIGINT or SIGTERM came."""


class Run:
    """The state of a run; `execute` goes through its phases."""

    def __init__(self, directory: Path, private: Path) -> None:
        self.directory = directory
        self.private = private  # sockets, fifos and touched files: a unix socket's path has 107 bytes at most
        self.record = read_json(directory / RUN_FILE)
        self.plan: dict[str, Any] = self.record["plan"]
        self.paths = {name: Path(path) for name, path in self.record["paths"].items()}
        self.began = time.monotonic()
        self.port = 0
        self.observer: Observer | None = None
        self.hammer: Hammer | Outside | None = None
        self._progress = 0.0
        self._seen: Judgement | None = None
        self._trigger = parse(self.plan["trigger"]) if self.plan.get("trigger") else None

    # -- what a person sees ---------------------------------------------------------------------

    def say(self, phase: str, judgement: Judgement | None = None) -> None:
        """A line for the campaign: the phase, and the counts so far."""
        row: dict[str, Any] = {"phase": phase, "elapsed_s": round(time.monotonic() - self.began, 3), "port": self.port}
        if judgement is not None:
            row |= {"respawns": judgement.respawns, "hung": judgement.hung + judgement.hung_initial}
            row |= {name: getattr(judgement, name) for name in ("verdict", "reason", "evidence")}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(row), flush=True)

    def _report(self, phase: str) -> None:
        now = time.monotonic()
        if now >= self._progress and self.observer is not None:
            self._seen = judge(self.observer.lifecycle, self.plan["respawns"], finished=False)
            self.say(phase, self._seen)
            # Who holds a stack under load for an hour has tens of thousands of episodes to judge.
            self._progress = now + max(PROGRESS_S, JUDGING_SHARE * (time.monotonic() - now))

    def _is_certain(self) -> bool:
        """Whether more load could not change the verdict: nobody is left to answer, or nobody will come back."""
        assert self.observer is not None  # noqa: S101 - asked only while it runs
        if self.observer.exit_code is not None or self.observer.lifecycle.is_outage():
            return True
        return self._seen is not None and self._seen.verdict in ("hung_master", "dead_master", "crash_loop")

    # -- phases ---------------------------------------------------------------------------------

    def _start(self) -> tuple[Observer, Hammer | Outside]:
        self.port = free_port()
        ini, environment = stack_files.write(self.directory, self.private, self.record, self.port)
        if self._trigger is not None and self._trigger.file:
            (self.private / self._trigger.file).touch()
        command = [str(self.paths["uwsgi"]), "--ini", str(ini)]
        observer = self.observer = Observer(
            self.directory, command, environment, self.port, self.paths.get("cwd"), self.plan.get("log") == "pipe"
        )
        if self.hammer is None and self.plan.get("external"):
            self.hammer = Outside(self.plan["external"], sys.stdin.fileno())
        elif self.hammer is None:
            host = f"http://127.0.0.1:{self.port}"
            limit_s = START_LIMIT_S + LIMIT_S + self.plan["duration_s"]
            self.hammer = Hammer(self.directory, self.paths["scenario"], host, self.plan["users"], limit_s)
        observer.context.processes[self.hammer.pid] = "locust"
        return observer, self.hammer

    def _await_ready(self, observer: Observer, hammer: Hammer | Outside) -> None:
        """Until every worker of the first generation accepts or is proven hung, and Locust is loaded."""
        lifecycle = observer.lifecycle
        first = self.plan.get("initial") or self.plan["workers"]  # cheaper begins with fewer

        def there() -> bool:
            self._report("starting")
            if self._is_certain() or hammer.exit_code is not None:
                return True
            begun = len(lifecycle.slots) >= first or lifecycle.is_idle  # cheap begins with none
            return begun and lifecycle.undecided() == 0 and hammer.is_up()

        ready = observer.until(there, self.plan["start_limit_s"])
        if observer.exit_code is not None and observer.exit_code >= 0:
            raise CannotMeasure(
                f"uWSGI ended with exit code {observer.exit_code} before it served: "
                + last_words(self.directory / LOG_FILE)
            )
        if hammer.exit_code is not None:
            raise CannotMeasure(
                f"Locust ended with exit code {hammer.exit_code}: {last_words(self.directory / 'locust.log')}"
            )
        if not ready and not lifecycle.serving() and (lifecycle.undecided() or not lifecycle.slots):
            raise CannotMeasure(
                f"no worker was ready after {self.plan['start_limit_s']:.0f} s; {self.directory}/uwsgi.log tells more"
            )

    def _await_turn(self, observer: Observer) -> None:
        """Until the campaign says, by a line on stdin, that no other run needs the machine."""

        outside = self.hammer if isinstance(self.hammer, Outside) else None

        def said() -> bool:
            self._report("waiting")
            return outside.heard("go") if outside else is_readable(sys.stdin.fileno())

        waiting = time.monotonic()
        observer.until(said, self.plan["limit_s"])
        self.began += time.monotonic() - waiting  # the run is not longer for it
        if outside:
            if not said() or outside.gone:
                raise Interrupted
            observer.context.processes.update(dict.fromkeys(outside.pids, "locust"))
        elif not (said() and os.read(sys.stdin.fileno(), 64)):
            raise Interrupted  # the campaign has gone

    def _note_ready(self, observer: Observer) -> None:
        """Memory and the master's threads before anything has recycled."""
        pids = [observer.pid, *(i.pid for i in observer.lifecycle.current().values())]
        self.record["at_ready"] = {
            "pss_kib": sum(max(0, proc.pss_kib(pid)) for pid in pids),
            "master_threads": len(proc.tasks(observer.pid) or ()),
        }

    def _probe(self, observer: Observer, path: str) -> None:
        """Ask once for a page that nobody here knows, before it is hammered."""
        asked = probe.Probe(self.port, path)
        asked.start()
        observer.until(lambda: asked.answer is not None or self._is_certain(), probe.LIMIT_S + 1.0)
        if self._is_certain():
            return
        answer = asked.answer or probe.Answer(error="no answer", latency_s=probe.LIMIT_S)
        self.record["probe"] = asdict(answer)
        objection = probe.objection(answer, path)
        if objection:
            raise CannotMeasure(objection)

    def _can_load(self, observer: Observer) -> bool:
        """Whether there is anybody to answer, or will be: all of them may be recycling by age at this moment."""
        lifecycle = observer.lifecycle
        coming = lifecycle.undecided() > 0 and not self._is_certain()
        return lifecycle.serving() > 0 or lifecycle.spawns_on_demand() or coming

    def _load(self, observer: Observer, hammer: Hammer | Outside) -> None:
        """The fixed window, and longer while respawns are missing and on their way."""
        lifecycle = observer.lifecycle
        observer.emit("load_begin", window_s=self.plan["duration_s"], mercy_s=self._mercy_s())
        begin_ns = lifecycle.load_begin_ns
        assert begin_ns is not None  # noqa: S101 - the row above set it
        self.record["load"] |= {"begin_ns": begin_ns}
        hammer.say("go")
        triggers = self._triggers(observer)
        seen, seen_at = 0, time.monotonic()

        def over() -> bool:
            nonlocal seen, seen_at
            self._report("loading")
            now = time.monotonic()
            if triggers is not None and triggers.left and not self._is_certain():
                triggers.step()
            if isinstance(hammer, Outside):  # a person watches, and ends it when it was seen enough
                return hammer.heard("stop") or observer.exit_code is not None
            if self._is_certain() or hammer.exit_code is not None:
                return True
            if triggers is not None and triggers.left:
                return False
            if now - begin_ns / 1e9 < self.plan["duration_s"]:
                return False
            respawns = lifecycle.respawns()
            if respawns != seen:
                seen, seen_at = respawns, now
            return respawns >= self.plan["respawns"] or not (lifecycle.undecided() or now - seen_at < QUIET_S)

        observer.until(over, self.plan["duration_s" if isinstance(hammer, Outside) else "limit_s"])
        self.record["load"]["end_ns"] = time.monotonic_ns()
        if isinstance(hammer, Outside):
            self.record["load"]["window_s"] = (self.record["load"]["end_ns"] - begin_ns) / 1e9
        observer.emit("load_end")

    def _mercy_s(self) -> float:
        """How long a worker may take to leave before its master kills it."""
        return stack_files.mercy_s(self.directory / INI_FILE)

    def _triggers(self, observer: Observer) -> Triggers | None:
        if self._trigger is None:
            return None
        return Triggers(self._trigger, self.private, observer.pid, observer.lifecycle, observer.emit)

    def _settle(self, observer: Observer, hammer: Hammer | Outside) -> Judgement:
        """Until every episode that the load began is decided and Locust has let its users finish."""
        lifecycle = observer.lifecycle
        end_ns = time.monotonic_ns()
        hammer.say("stop")
        tracers = [c for c in observer.collectors if isinstance(c, backtrace.Collector)]

        def settled() -> bool:
            self._report("settling")
            if self._is_certain():
                hammer.say("kill")
                return hammer.exit_code is not None
            return lifecycle.undecided(end_ns) == 0 and hammer.exit_code is not None

        observer.until(settled, self.plan["limit_s"])
        observer.until(lambda: not any(tracer.busy for tracer in tracers), EVIDENCE_LIMIT_S)
        observer.emit("losses", **losses(self.directory))
        return judge(lifecycle, self.plan["respawns"], finished=True)

    def _stop(self, observer: Observer) -> None:
        ladder = supervisor.PATIENT_LADDER if self.plan.get("patient") else supervisor.LADDER
        if "grace_s" in self.plan:
            hung = self.record["verdict"].startswith("hung")
            ladder = (("INT", self.plan["hung_grace_s" if hung else "grace_s"]),)
        observer.until(lambda: self._is_certain() or _is_calm(observer.lifecycle, time.monotonic_ns()), CALM_LIMIT_S)
        observer.emit("stop")
        stop = supervisor.stop(observer.pids, observer.pid, ladder, observer.step)
        observer.drain()
        left = observer.pids()
        listening = proc.backlog(self.port) is not None
        self.record["stop"] = {
            "signal": stop.signal,
            "seconds": stop.seconds,
            "tried": [{"signal": name, "waited_s": waited_s} for name, waited_s in stop.tried],
            "left_behind": [*left, *([f"port {self.port}"] if listening else [])],
        }
        observer.emit("stopped", **self.record["stop"])

    # -- the whole ------------------------------------------------------------------------------

    def execute(self) -> int:
        """Go through all phases. Returns the exit code: 0 measured, 1 not."""
        try:
            for attempt in range(1, PORT_TRIES + 1):
                observer, hammer = self._start()
                try:
                    self._await_ready(observer, hammer)
                    break
                except CannotMeasure as error:
                    if attempt == PORT_TRIES or not self._can_try_again(str(error)):
                        raise
                    self._discard()
            self._note_ready(observer)
            if observer.lifecycle.serving() and self.plan.get("probe"):
                self._probe(observer, self.plan["probe"])
            if self.plan.get("gated"):
                self._await_turn(observer)
            if self._can_load(observer):
                self._load(observer, hammer)
            else:
                hammer.say("cancel")
            judgement = self._settle(observer, hammer)
            self.record |= {"verdict": judgement.verdict, "reason": judgement.reason, "evidence": judgement.evidence}
            self.record |= {"status": "done", "counts": asdict(judgement)}
            self.record["duration_s"] = round(time.monotonic() - self.began, 3)
            observer.emit("verdict", verdict=judgement.verdict, reason=judgement.reason)
            self.say("stopping", judgement)
            if (stats := stats_socket.read(self.private)) is not None:
                self.record["stats"] = stats
        except CannotMeasure as error:
            self.record |= {"status": "failed", "error": str(error), "verdict": "invalid", "reason": str(error)}
        except Interrupted:
            self.record |= {"status": "interrupted", "error": "interrupted before its verdict"}
        finally:
            with contextlib.suppress(Interrupted):
                self._finish()
        self.say("done")
        return 0 if self.record["status"] == "done" else 1

    def _can_try_again(self, error: str) -> bool:
        """Whether another start may do better: with another port, or without what this binary was built without."""
        missing = next((key for key in DISPENSABLE if f"unknown config directive: {key}" in error), None)
        if missing is not None:
            self.record["without"] = [*self.record.get("without", ()), missing]
        return missing is not None or "bind()" in error

    def _discard(self) -> None:
        """Forget a stack that could not have its port; Locust aims at another one, so it goes as well."""
        for part in (self.observer, self.hammer):
            if part is not None:
                part.close()
        self.observer = self.hammer = self._seen = None  # what was seen of it says nothing of the next
        supervisor.sweep()
        for path in (self.directory / "events.jsonl", self.directory / "uwsgi.log"):
            path.unlink(missing_ok=True)

    def _finish(self) -> None:
        """Stop what runs, and leave complete files whatever happened before."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if self.hammer is not None:
            if self.hammer.exit_code is None:
                self.hammer.say("kill")
                self.hammer.say("stop")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.hammer.wait(2.0)
            self.record["locust"] = {"exit_code": self.hammer.exit_code}
            self.hammer.close()
        if self.observer is not None:
            if self.record["status"] == "done":
                self._stop(self.observer)
            self.record["collectors"] = {
                n: f"not available: {r}" if r else "on" for n, r in self.observer.unavailable.items()
            }
            self.observer.close()
        supervisor.sweep()
        from stacks.run import parquet  # here, because half a second of import would delay the start

        complete = parquet.write_requests(self.directory)
        if "locust" in self.record:
            self.record["locust"]["complete"] = complete
        if self.observer is not None:
            parquet.write_samples(self.directory, list(self.observer.context.samples))
        write_json(self.directory / RUN_FILE, self.record)


def _is_calm(lifecycle: Lifecycle, now_ns: int) -> bool:
    """Whether no worker comes or goes, and none came a moment ago."""
    newest_ns = max((i.ready_ns or 0 for i in lifecycle.current().values()), default=0)
    return lifecycle.undecided() == 0 and now_ns - newest_ns > CALM_S * 1e9


def free_port() -> int:
    """A TCP port that nobody has on the loopback address at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(directory: Path, kind: type[Run] = Run) -> int:
    """Execute the run that was planned in `directory`, under a guard."""

    def execute() -> int:
        def interrupt(_number: int, _frame: object) -> None:
            raise Interrupted

        supervisor.become_subreaper()
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, interrupt)
        return kind(directory, Path(private)).execute()

    with tempfile.TemporaryDirectory(prefix="pack-", ignore_cleanup_errors=True) as private:
        code = supervisor.guarded(execute)
    mark_dead(directory)
    return code


def mark_dead(directory: Path) -> None:
    """Say so in run.json when the observer ended without a word (SIGKILL)."""
    record = read_json(directory / RUN_FILE)
    if record["status"] == "running":
        record |= {"status": "interrupted", "error": "the observer was killed before its verdict"}
        from stacks.run import parquet

        parquet.write_requests(directory)
        write_json(directory / RUN_FILE, record)
        print("the observer was killed", file=sys.stderr)
