"""`check`: somebody's own uWSGI, made to recycle quickly: do its workers come back, and what would help if not.

Everything of it runs below a guard; what it makes stands in results/check-*, its sockets in a private
directory that goes with it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stacks import catalogue
from stacks.catalogue import interpreters, venvs
from stacks.check import log_reasons, server
from stacks.check.advice import Facts, advise, has_two_defects, leaves_threads
from stacks.check.answer import Checked, write_failure
from stacks.check.effective import CannotCheck, Effective, Theirs, config_arguments, find_uwsgi, resolve
from stacks.check.measurement import Measured, log_of, measured
from stacks.check.neutralise import MAX_REQUESTS, Neutral, neutralise
from stacks.check.remedies import Remedy, Tried, remedies, with_upgrade
from stacks.lifecycle.records import RecordError
from stacks.observe.collectors.log import READY_LINE
from stacks.run import run_directory, supervisor

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE, EXIT_HANG = 0, 1, 2, 3
SCENARIO = catalogue.SCENARIOS / "check.py"
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")
USERS = 8
WINDOW_S, REMEDY_WINDOW_S = 4.0, 2.0
LIMIT_S = 30.0  # for the respawns wanted: an app that takes 10 s to import manages a few
# W workers recycle about W times a second; 24 respawns miss a hang of every eighth with 4 %.
RESPAWNS_A_WORKER, FEWEST_RESPAWNS, MOST_RESPAWNS = 5, 8, 24
REMEDY_RESPAWNS = 16  # on a stack that is known to hang, where a hang of every fourth is missed with 1 %
GRACE_S = 10.0  # docker's
HUNG_GRACE_S = 3.0  # a healthy one takes 1 s, a hung one 62 s (worker-reload-mercy), which is known
REMEDY_HUNG_GRACE_S = 0.3  # how a remedy that does not help stops is no news
AT_ONCE = 3  # a stack that hangs leaves the cores alone, and a healthy one mostly waits for its master


@dataclass
class Check:
    """One check and its runs."""

    theirs: Theirs
    effective: Effective
    neutral: Neutral
    private: Path
    directory: Path
    url: str
    start_limit_s: float

    def plan(self, log: str, *, is_remedy: bool) -> dict[str, Any]:
        """The numbers of a run."""
        respawns = min(max(RESPAWNS_A_WORKER * self.neutral.workers, FEWEST_RESPAWNS), MOST_RESPAWNS)
        return {
            "users": USERS,
            "duration_s": REMEDY_WINDOW_S if is_remedy else WINDOW_S,
            "workers": self.neutral.workers,
            "max_requests": MAX_REQUESTS,
            "respawns": min(respawns, REMEDY_RESPAWNS) if is_remedy else respawns,
            "start_limit_s": self.start_limit_s,
            "limit_s": LIMIT_S,
            "grace_s": GRACE_S,
            "hung_grace_s": REMEDY_HUNG_GRACE_S if is_remedy else HUNG_GRACE_S,
            "probe": self.url,
            "log": log,
        }

    def run(
        self, name: str, neutral: Neutral, uwsgi: Path, log: str = "socket", *, is_remedy: bool = False
    ) -> Measured:
        """Execute one run in a directory and a process group of its own."""
        directory = self.directory / name
        directory.mkdir()
        ini = directory / "effective.ini"
        ini.write_text(neutral.text(), encoding="utf-8")
        plan = self.plan(log, is_remedy=is_remedy)
        paths = {"uwsgi": uwsgi, "ini": ini, "scenario": SCENARIO, "cwd": self.theirs.directory}
        run_directory.write_plan(directory, plan, paths)
        # Bytecode of their modules belongs beside them only if their own uWSGI writes it.
        environment = {**self.theirs.environment, "PACK_URL": self.url, "PYTHONDONTWRITEBYTECODE": "1"}
        with (directory / "run.err").open("wb") as stderr:
            subprocess.run(
                [sys.executable, "-m", "stacks", "run", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=catalogue.ROOT,
                env=environment,
                start_new_session=True,
                check=False,
            )
        return measured(directory)

    def measure(self) -> Measured:
        """Theirs, with a pipe for its log if the app cannot do with a socket."""
        base = self.run("theirs", self.neutral, self.theirs.uwsgi)
        if not log_reasons.needs_pipe(log_of(Path(base.directory))):
            return base
        self.neutral.set(
            "hook-accepting",
            f"exec:echo {READY_LINE} $PPID",
            "the app opens its standard output by path, so the log is a pipe, and workers have to say their pid",
        )
        return self.run("theirs-piped", self.neutral, self.theirs.uwsgi, "pipe")

    def attempt(self, remedy: Remedy, facts: Facts) -> Tried:
        """One remedy."""
        found = facts.server
        log = "pipe" if facts.base.directory.endswith("-piped") else "socket"
        changed = remedy.apply(self.neutral)
        uwsgi, target = self.theirs.uwsgi, ""
        if remedy.upgrade:
            target = newest(found.minor)
            try:
                uwsgi = server.upgraded(found, target, self.effective.options, self.private / "venvs")
            except (venvs.VenvError, interpreters.NotFound, OSError, ValueError, subprocess.SubprocessError) as error:
                return Tried(remedy, None, f"pyuwsgi {target} cannot be had: {error}")
        measured_ = self.run(f"with-{remedy.name}", changed, uwsgi, log, is_remedy=True)
        return Tried(remedy, measured_, target=target, leaves_threads=leaves_threads(facts, changed.options))

    def attempts(self, facts: Facts) -> list[Tried]:
        """Every remedy that applies, each alone, in the order of remedies.toml; where none cures, with the upgrade."""
        base = facts.base
        if not base.is_hang:
            return []
        alone = [r for r in remedies() if r.applies(base.verdict, self.neutral, self.effective.known, facts.server)]
        upgrade = next((remedy for remedy in alone if remedy.upgrade), None)
        # Two defects at once: what the upgrade leaves is cured by something else, or by nothing that is known.
        both = [with_upgrade(remedy, upgrade) for remedy in alone if remedy.set] if upgrade else []
        first, then = (alone + both, []) if has_two_defects(facts) else (alone, both)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tried = list(pool.map(lambda remedy: self.attempt(remedy, facts), first))
            if not any(t.cures for t in tried):
                tried += pool.map(lambda remedy: self.attempt(remedy, facts), then)
        return tried


def newest(python: str) -> str:
    """The newest pyuwsgi of versions.toml that is known for this Python."""
    from packaging.version import Version

    pins = [v.pin for v in catalogue.load().versions.values() if v.package == "pyuwsgi"]
    return max(pins, key=Version)


def somebody(options: argparse.Namespace) -> Theirs:
    """What was named on the command line. Raises CannotCheck."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PACK_")}
    directory = options.chdir or (Path(options.ini).parent if options.ini else Path.cwd())
    if not directory.is_dir():
        if options.chdir:
            raise CannotCheck(f"{directory} is not a directory: name the one that it is started in with --chdir.")
        directory = Path.cwd()
    ini = str(Path(options.ini).absolute()) if options.ini else None
    config_arguments(ini)  # what is wrong with it comes before what is wrong with the binary
    return Theirs(find_uwsgi(options.uwsgi), ini, tuple(shlex.split(options.args)), environment, directory.resolve())


def check(options: argparse.Namespace, private: Path, began: float) -> int:
    """Resolve, neutralise, measure, try what helps, say so. Raises CannotCheck."""
    theirs = somebody(options)
    effective = resolve(theirs, private)
    backlog = int(SOMAXCONN.read_text()) if SOMAXCONN.exists() else 4096
    chdir = theirs.directory if options.chdir else None
    neutral = neutralise(effective.options, effective.known, private, options.app, chdir, backlog)
    directory = run_directory.make_directory("check")  # closed to others: a configuration may hold passwords
    checking = Check(theirs, effective, neutral, private, directory, options.url, options.start_limit)
    base = checking.measure()
    log = log_of(Path(base.directory))
    if base.error or base.verdict == "invalid":
        why = log_reasons.explain(log, base.error) if base.error else log_reasons.too_few(base)
        raise CannotCheck(f"{why}\n(what was run and said: {base.directory})")
    found = server.look(theirs.uwsgi, effective.version, log)
    threads = None
    if base.master_threads > 1:
        threads = server.threads_at_import(found, neutral.options, theirs.directory, theirs.environment)
    facts = Facts(found, effective.options, effective.known, neutral.unknown, base, threads)
    facts = replace(facts, tried=checking.attempts(facts))
    advice = advise(facts, catalogue.load().defects)
    result = Checked(facts, neutral, advice, checking.directory, round(time.monotonic() - began, 1))
    print(result.text(), flush=True)
    result.write(options.json, options.junit)
    return EXIT_HANG if base.is_hang else EXIT_OK


def main(options: argparse.Namespace) -> int:
    """Exit codes: 0 the workers come back, 1 could not measure, 2 usage, 3 they do not."""
    configured = any(name.startswith("UWSGI_") for name in os.environ)
    if not (options.ini or options.args or configured):
        print(
            "check: name a configuration: --ini FILE (INI=), --args '...' (ARGS=), or UWSGI_* in the environment",
            file=sys.stderr,
        )
        return EXIT_USAGE
    for path in filter(None, (options.json, options.junit)):
        if not path.parent.is_dir():
            print(f"check: {path} cannot be written: {path.parent} is no directory", file=sys.stderr)
            return EXIT_USAGE
    began = time.monotonic()

    def run() -> int:
        def interrupt(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        private = Path(tempfile.mkdtemp(prefix="pack-"))  # short: a unix socket's path has 107 bytes (unix(7))
        try:
            return check(options, private, began)
        except (CannotCheck, catalogue.UsageError, RecordError, OSError) as error:
            print(f"could not check: {error}", file=sys.stderr)
            write_failure(options.json, options.junit, str(error))
            return EXIT_NOT_MEASURED
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return EXIT_NOT_MEASURED
        finally:
            supervisor.sweep()
            shutil.rmtree(private, ignore_errors=True)

    return supervisor.guarded(run)
