"""The commands of `python -m analysis`; `command_line` parses their options."""

# Ctrl-C during the imports below ends the process without a traceback. The import of `signal` takes 10 ms, because it
# imports enum; `_signal` is built into Python.
import _signal as signals  # type: ignore[import-not-found]

if __name__ == "__main__" and signals.getsignal(signals.SIGINT) is signals.default_int_handler:
    signals.signal(signals.SIGINT, signals.SIG_DFL)

import argparse
import importlib.util
import io
import os
import sys
from pathlib import Path

from analysis.command_line import COULD_NOT_MEASURE, INTERRUPTED, NOT_MET, USAGE, parser
from stacks.console import absent_packages, interrupts
from stacks.console.closed_output import forgive_closed_output

# The commands import pandas and the rooms only when they run: a usage error shall not wait for these imports.

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the command and return its exit code."""
    commands = {"report": report, "demand": demand, "compare": compare, "notebooks": notebooks}
    try:
        options = parser().parse_args(arguments)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a path may have letters that the locale's encoding does not
        return summary(options.results) if options.command == "summary" else commands[options.command](options)
    except KeyboardInterrupt:
        return _error("interrupted", INTERRUPTED)
    except Exception as error:
        if interrupts.have_come():
            return _error("interrupted", INTERRUPTED)
        from stacks.lifecycle import pack_fault

        return _error(pack_fault.report(error))


def summary(results: Path) -> int:
    """Print the table of the campaign in `results`, write its summary.json and report.html, return the exit code."""
    if not results.is_dir():
        return _no_results(results)
    from analysis.frames.campaigns import load_campaign
    from analysis.reports import claims, claims_table, matrix_table, summary_table
    from analysis.reports.campaign_page import write_page
    from analysis.summary.expectations import exit_code, is_matrix
    from analysis.summary.summary import summarise
    from stacks.lifecycle.records import SUMMARY_FILE, RecordError, write_json

    try:
        campaign = load_campaign(results)
    except RecordError as error:
        return _error(str(error))
    entries = summarise(campaign)
    has_claims = "claims" in campaign.campaign
    judged = claims.judge(campaign, entries, campaign.campaign["claims"]) if has_claims else []
    write_error = page = None
    try:  # before the table is printed: a pipe that closes after the first lines leaves the files complete
        write_json(campaign.path / SUMMARY_FILE, entries)
        if has_claims:
            write_json(campaign.path / claims.CLAIMS_FILE, claims.as_json(judged, entries["schema"]))
        page = write_page(campaign, entries)
    except OSError as error:
        write_error = _cannot_write(error, results, "the runs and the table on stdout are complete")
    (matrix_table if is_matrix(entries) else summary_table).show(entries)
    if has_claims:
        claims_table.show(judged)
    _complain_of_left_out(campaign.left_out + campaign.damaged)
    if write_error:
        return _error(write_error)
    print(f"report: {page}")
    return exit_code(entries)


def demand(options: argparse.Namespace) -> int:
    """Print the demand and return 0, or USAGE if an option is wrong. `make capacity` asks before it measures."""
    from analysis.capacity.demand import DemandError, parse

    try:
        print(parse(options.demand, options.slo_p99, options.headroom).describe())
    except DemandError as error:
        return _error(str(error), USAGE)
    return 0


def report(options: argparse.Namespace) -> int:
    """Write the capacity plan into the first results directory and return the exit code.

    The code is NOT_MET if `--verify` finds that the recommendation misses the service level.
    """
    from analysis.capacity.demand import DemandError, parse

    try:
        wanted = parse(options.demand, options.slo_p99, options.headroom)
    except DemandError as error:
        return _error(str(error), USAGE)
    from analysis.frames.results import load
    from analysis.reports.capacity_decision import decision, doubt
    from analysis.reports.capacity_files import write
    from analysis.reports.capacity_plan import build, with_verification
    from analysis.reports.verification_run import verify
    from analysis.summary.left_out_words import left_out_line
    from stacks.lifecycle.records import RecordError

    try:
        results = load(*options.results, mixed_hosts=options.mixed_hosts)
        plan = build(results, wanted)
        print(decision(plan))
        if line := left_out_line(results.left_out, results.damaged):
            print(line)
        if warning := doubt(plan):
            print(warning)
        if options.verify:
            plan = with_verification(plan, verify(wanted, plan.advice))
        for path in write(plan, options.output or options.results[0].resolve()):
            print(f"report: {path}")
    except RecordError as error:
        return _error(str(error))
    except OSError as error:
        return _error(_cannot_write(error, options.output or options.results[0], "the results are complete"))
    _complain_of_left_out(results.left_out + results.damaged)
    if plan.verification is None:
        return 0
    verification = plan.verification
    print(f"service level {'met' if verification.is_met else 'NOT met'}: {verification.reason}")
    if verification.gap:
        print(f"not verified: {verification.gap}")
    return 0 if verification.is_met else NOT_MET


def compare(options: argparse.Namespace) -> int:
    """Print what has changed from A to B, write compare.json and compare.html, and return the exit code."""
    from analysis.reports import comparison, comparison_files, comparison_text
    from stacks.console import quantities
    from stacks.lifecycle.records import RecordError

    try:
        margin = quantities.share(options.margin)
    except ValueError as error:
        return _error(f"--margin: {error}", USAGE)
    try:
        results = comparison.compare(options.before, options.after, margin)
        page = comparison_files.write(results, options.output)
    except RecordError as error:
        return _error(str(error))
    except OSError as error:
        return _error(_cannot_write(error, options.output or Path(options.after), "the results are complete"))
    print(comparison_text.text(results))
    print(f"report: {page}")
    return NOT_MET if results.is_worse else 0


def notebooks(options: argparse.Namespace) -> int:
    """Execute the notebooks on the results, print the paths of the written files and return the exit code."""
    from analysis.reports.notebook_execution import NotebookError, execute_all

    if not options.results.is_dir():
        return _no_results(options.results)
    try:
        for path in execute_all(ROOT / "notebooks", options.results.resolve(), options.only):
            print(f"notebook: {path}")
    except NotebookError as error:
        return _error(str(error))
    except OSError as error:
        return _error(_cannot_write(error, options.results, "the results are complete"))
    return 0


def _complain(text: str) -> None:
    print(f"analysis: {text}", file=sys.stderr)


def _error(text: str, code: int = COULD_NOT_MEASURE) -> int:
    """Print the error on stderr and return the exit code."""
    _complain(text)
    return code


def _cannot_write(error: OSError, directory: Path, kept: str) -> str:
    """Return the text for a file that the command cannot write below `directory`."""
    from stacks.lifecycle import disk_room

    path = Path(error.filename) if isinstance(error.filename, str) else directory
    return disk_room.cannot_write(error, path, kept, otherwise="")


def _no_results(results: Path) -> int:
    return _error(f"{results}: there is no such results directory. `make loadtest` makes one.")


def _complain_of_left_out(left_out: list[tuple[str, str]]) -> None:
    for run, reason in left_out:
        _complain(f"left out {run}: {reason}")


def command() -> int:
    """Run the command of this process, as `main` does, with the streams of a whole process."""
    forgive_closed_output()
    # The matrices here are small. Otherwise numpy starts a thread for each core, and they spin for a tenth of a second.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    absent_packages.hide("pyarrow")  # duckdb reads Parquet
    if importlib.util.find_spec("pandas") is None:
        return _error("the packages of the analysis are not installed: pip install 'uwsgi-respawn-pack[analysis]'.")
    interrupts.catch()
    return main()


if __name__ == "__main__":
    sys.exit(command())
