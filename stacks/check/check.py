"""`check`: makes the workers of a user's own uWSGI recycle quickly, and says whether they come back and what helps.

The whole check runs below a guard, which leaves no process. Its files are in results/check-*. Its sockets are in a
private directory, which is removed at the end.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from stacks import catalogue
from stacks.check import thresholds, usage
from stacks.check.advice import advise
from stacks.check.change_trial import try_changes
from stacks.check.check_result import CHECK_FILE, CheckResult, is_stdout, write_failure
from stacks.check.check_runs import FEWEST_RESPAWNS, CheckRuns
from stacks.check.ci_reports import write_ci_reports
from stacks.check.diagnosis import Findings
from stacks.check.effective_configuration import EffectiveConfiguration, read_effective
from stacks.check.emperor import is_emperor
from stacks.check.failure_reasons import explain_unmeasured
from stacks.check.further_starts import STARTS, start_again
from stacks.check.import_threads import list_import_threads
from stacks.check.invocation import (
    CannotCheck,
    Invocation,
    WrongUsage,
    read_invocation,
    resolve_app,
)
from stacks.check.known_rates import partial_defect, respawns_to_see
from stacks.check.measurement import Measurement, read_log
from stacks.check.metrics_text import metrics_text
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.neutralise import neutralise
from stacks.check.paste_lines import paste_place
from stacks.check.recycling import Preparation, make_recycle
from stacks.check.remedy_search import try_remedies
from stacks.check.server import identify
from stacks.check.static_check import known_defects, static_findings, static_text
from stacks.check.terminal import first_answer, print_lines
from stacks.check.upgrade import prepare_upgrade
from stacks.check.vassals import check_vassals
from stacks.check.ways import recordings, selection, way_plans
from stacks.check.ways.derivation import MAX_REQUESTS, derive
from stacks.check.ways.progress import Progress
from stacks.check.ways.taken import TakenWay
from stacks.check.ways.taking import AT_ONCE, WayTaker
from stacks.lifecycle import disk_room
from stacks.lifecycle.rates import respawns_to_rule_out
from stacks.lifecycle.records import RecordError
from stacks.lifecycle.text_files import write_text
from stacks.run import killed_command, run_directory
from stacks.run.run_servers import RunServers

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE, EXIT_HANG = 0, 1, 2, 3
SOMAXCONN = Path("/proc/sys/net/core/somaxconn")


def main(options: argparse.Namespace) -> int:
    """Return the exit code: 0 the workers come back, 1 could not measure, 2 wrong usage, 3 they do not come back."""
    if error := usage.find_error(options):
        print(f"check: {error}", file=sys.stderr)
        return EXIT_USAGE
    began = time.monotonic()

    def run(private: Path) -> int:
        try:
            return _check_static(options, private) if options.static else check(options, private, began)
        except (CannotCheck, catalogue.UsageError, RecordError, OSError) as error:
            why = disk_room.describe(error)
            print(f"could not check: {why}", file=sys.stderr)
            write_failure(options.json, options.junit, why, round(time.monotonic() - began, 1))
            return EXIT_USAGE if isinstance(error, WrongUsage) else EXIT_NOT_MEASURED
        except KeyboardInterrupt:
            print("check: interrupted", file=sys.stderr)
            return EXIT_NOT_MEASURED

    return killed_command.guarded(run, "could not check: the check was killed")


def check(options: argparse.Namespace, private: Path, began: float) -> int:
    """Check the configuration that `options` name, print and write the result, and return the exit code.

    `began` is the start on the monotonic clock. Raise CannotCheck.
    """
    invocation = read_invocation(options)
    servers = RunServers()  # they load while the configuration is read
    effective = read_effective(invocation, private)
    if is_emperor(effective.options):
        return check_vassals(options, effective.options, invocation, private, partial(_check_vassal, servers))
    return _check_one(options, invocation, effective, private, began, servers)


def _check_vassal(servers: RunServers, options: argparse.Namespace, invocation: Invocation, private: Path) -> int:
    began = time.monotonic()
    return _check_one(options, invocation, read_effective(invocation, private), private, began, servers)


def _check_one(
    options: argparse.Namespace,
    invocation: Invocation,
    effective: EffectiveConfiguration,
    private: Path,
    began: float,
    servers: RunServers,
) -> int:
    """Check one instance, print and write the result, and return the exit code. Raise CannotCheck."""
    app = resolve_app(options.app, options.chdir)
    backlog = int(SOMAXCONN.read_text()) if SOMAXCONN.exists() else 4096
    chdir = invocation.directory if options.chdir else None

    def copy(prepare: Preparation) -> NeutralConfiguration:
        return neutralise(effective.options, effective.binary_options, private, app, chdir, backlog, prepare)

    neutral = copy(make_recycle)
    directory = run_directory.make_directory("check")  # closed to other users: a configuration may contain passwords
    killed_command.note_directory(private, directory)
    defect = partial_defect(effective.version, effective.options)
    fewest = respawns_to_see(defect.rate) if defect else FEWEST_RESPAWNS
    if options.deep:
        fewest = max(fewest, respawns_to_rule_out(way_plans.DEEP_RATE))
    runs = CheckRuns(invocation, neutral, directory, options.url, options.start_limit, servers, fewest)
    ways = derive(effective.options, options.slow_url or "")
    first = next(way for way in ways if way.name == MAX_REQUESTS)
    others = [way for way in selection.select(ways, options.ways) if way is not first]
    progress = Progress()
    progress.expect(way.name for way in (first, *others) if not way.why_not)
    progress(MAX_REQUESTS, MAX_REQUESTS)
    prepare_upgrade(invocation.uwsgi, effective.version, effective.options, private)
    measurement = runs.measure()
    log = read_log(Path(measurement.directory))
    _require_verdict(measurement, log)
    starts = respawns_to_rule_out(way_plans.DEEP_RATE) - 1 if options.deep else STARTS
    measurement = start_again(runs, measurement, starts, progress.tell)
    progress(MAX_REQUESTS, "")
    if others:
        progress.clear()
        start_s = recordings.start_s(Path(measurement.directory))
        seconds = way_plans.deep_s(others, neutral.workers, start_s, AT_ONCE) if options.deep else 0.0
        print_lines([first_answer(measurement, len(others), seconds)], sys.stderr)
    findings = _collect_findings(invocation, effective, neutral, measurement, log)
    findings = replace(findings, remedy_trials=try_remedies(runs, findings, private))
    taker = _way_taker(options, runs, copy, measurement, effective.version, progress)
    recycle = TakenWay(first, recordings.read_limited_way(measurement), Path(measurement.directory))
    taken = [recycle, *taker.take(others)]
    trials = try_changes(findings, taken, taker)
    progress.clear()
    advice = advise(findings, catalogue.load().defects, taken)
    outcomes = thresholds.judge(usage.limits(options), measurement)
    seconds, place = round(time.monotonic() - began, 1), paste_place(invocation)
    result = CheckResult(findings, neutral, taken, advice, directory, seconds, outcomes, place, trials)
    return hand_over(result, options)


def hand_over(result: CheckResult, options: argparse.Namespace) -> int:
    """Write the files of a result, print it, and return the exit code. It is printed also if no file can be written."""
    failure = ""
    try:
        result.write(options.json, options.junit)
        write_ci_reports(result, options.ini, options.code_quality)
        if options.metrics is not None:
            write_text(options.metrics, metrics_text(result))
    except OSError as error:
        failure = disk_room.describe(error)
    # A stream that carries a report for a program carries nothing else.
    _print(result, sys.stderr if is_stdout(options.json) or is_stdout(options.junit) else sys.stdout)
    if failure:
        print(f"check: {failure}", file=sys.stderr)
        return EXIT_NOT_MEASURED
    return EXIT_HANG if result.fails else EXIT_OK


def _check_static(options: argparse.Namespace, private: Path) -> int:
    """Say what is known of the configuration, and return the exit code. Raise CannotCheck."""
    findings = static_findings(options, private)
    defects = known_defects(findings, catalogue.load().defects)
    print(static_text(findings, defects))
    return EXIT_HANG if defects else EXIT_OK


def _way_taker(
    options: argparse.Namespace,
    runs: CheckRuns,
    copy: Callable[[Preparation], NeutralConfiguration],
    measurement: Measurement,
    version: str,
    progress: Progress,
) -> WayTaker:
    """Return what takes the other ways. The run of `measurement` has taken the first."""
    log = "pipe" if measurement.directory.endswith("-piped") else "socket"
    start_s = recordings.start_s(Path(measurement.directory))
    return WayTaker(runs, copy, options.slow_url or "", start_s, log, bool(options.deep), version, progress)


def _print(result: CheckResult, stream: TextIO) -> None:
    """Print the result. A stdout that cannot be written to (a full disk) does not change what was measured."""
    try:
        print_lines(result.answer(), stream)
    except OSError as error:
        print(
            f"check: the result cannot be printed ({error.strerror}). It is in {result.directory / CHECK_FILE}.",
            file=sys.stderr,
        )


def _require_verdict(measurement: Measurement, log: str) -> None:
    """Raise CannotCheck if the run failed, or saw too few respawns."""
    if measurement.error or measurement.verdict == "invalid":
        why = explain_unmeasured(measurement, log)
        raise CannotCheck(f"{why}\n(the configuration and the log of the run are in {measurement.directory})")


def _collect_findings(
    invocation: Invocation,
    effective: EffectiveConfiguration,
    neutral: NeutralConfiguration,
    measurement: Measurement,
    log: str,
) -> Findings:
    server = identify(invocation.uwsgi, effective.version, log)
    threads = None
    if measurement.master_threads > 1:
        threads = list_import_threads(server, neutral.options, invocation.directory, invocation.environment)
    return Findings(server, effective.options, effective.binary_options, neutral.unknown_options, measurement, threads)
