"""`python -m analysis`: summary (a campaign), report (a capacity plan), notebooks (executed, as HTML)."""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from stacks.lifecycle.records import LATEST, RESULTS

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RESULTS = RESULTS / LATEST
COULD_NOT_MEASURE, USAGE, UNMET = 1, 2, 3


def _complain(text: str) -> None:
    print(f"analysis: {text}", file=sys.stderr)


def summary(results: Path) -> int:
    """Show and write the summary of the campaign in `results`. Returns the exit code."""
    if not results.is_dir():
        _complain(f"{results}: no such results directory. `make loadtest` makes one.")
        return COULD_NOT_MEASURE
    # Here, because pandas takes longer to import than a usage error takes to read.
    from analysis.frames.campaigns import load_campaign
    from analysis.reports import claims, matrix, terminal
    from analysis.reports.campaign_page import write_page
    from analysis.summary.expectations import exit_code, is_matrix
    from analysis.summary.summary import summarise
    from stacks.lifecycle.records import SUMMARY_FILE, RecordError, write_json

    try:
        campaign = load_campaign(results)
    except RecordError as error:
        _complain(str(error))
        return COULD_NOT_MEASURE
    found = summarise(campaign)
    unwritten = page = None
    try:  # before the table, so that a reader who stops at its head still has the files
        write_json(campaign.path / SUMMARY_FILE, found)
        page = write_page(campaign, found)
    except OSError as error:
        unwritten = f"{results}: cannot be written to ({error.strerror}); the table is complete."
    (matrix if is_matrix(found) else terminal).show(found)
    if "claims" in campaign.campaign:
        judged = claims.judge(campaign, found, campaign.campaign["claims"])
        claims.show(judged)
        write_json(campaign.path / claims.CLAIMS_FILE, claims.as_json(judged, found["schema"]))
    for run_id, reason in campaign.left_out:
        _complain(f"left out {run_id}: {reason}")
    if unwritten:
        _complain(unwritten)
        return COULD_NOT_MEASURE
    print(f"report: {page}")
    return exit_code(found)


def report(options: argparse.Namespace) -> int:
    """Write the capacity plan beside the (first) results. Exit codes: 3 where VERIFY found the level not met."""
    from analysis.capacity import demand

    try:
        asked = demand.Demand(
            demand.parse_rps(options.demand),
            demand.parse_seconds(options.slo_p99),
            demand.parse_share(options.headroom),
        )
    except demand.DemandError as error:
        _complain(str(error))
        return USAGE
    from analysis.frames.results import load
    from analysis.reports import capacity_page
    from analysis.reports.capacity_report import build, with_verification
    from analysis.reports.verification import verify
    from stacks.lifecycle.records import RecordError

    try:
        results = load(*options.results, mixed_hosts=options.mixed_hosts)
        plan = build(results, asked)
        print(capacity_page.decision(plan))
        if options.verify:
            plan = with_verification(plan, verify(asked, plan.advice))
        for path in capacity_page.write(plan, options.output or options.results[0].resolve()):
            print(f"report: {path}")
    except (RecordError, OSError) as error:
        _complain(str(error))
        return COULD_NOT_MEASURE
    for run, why in results.left_out:
        _complain(f"left out {run}: {why}")
    if plan.verification is not None:
        print(("service level met: " if plan.verification.met else "NOT met: ") + plan.verification.why)
        if gaps := plan.verification.gaps:
            print(f"not shown by that run: {gaps}")
        return 0 if plan.verification.met else UNMET
    return 0


def notebooks(options: argparse.Namespace) -> int:
    """Execute the notebooks on the results."""
    from analysis.reports.notebooks import NotebookError, execute_all

    if not options.results.is_dir():
        _complain(f"{options.results}: no such results directory. `make loadtest` makes one.")
        return COULD_NOT_MEASURE
    try:
        for path in execute_all(ROOT / "notebooks", options.results.resolve(), options.only):
            print(f"notebook: {path}")
    except NotebookError as error:
        _complain(str(error))
        return COULD_NOT_MEASURE
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m analysis", description="What results say.")
    commands = top.add_subparsers(dest="command", required=True)
    command = commands.add_parser("summary", help="print the table, write summary.json and report.html")
    command.add_argument("results", nargs="?", type=Path, default=DEFAULT_RESULTS, help="a campaign (%(default)s)")
    command = commands.add_parser("report", help="write a capacity plan: capacity.html, capacity.json, capacity.pdf")
    command.add_argument("results", nargs="*", type=Path, default=[DEFAULT_RESULTS], help="campaigns, runs, or both")
    command.add_argument("--demand", default="400", help="peak requests a second (%(default)s)")
    command.add_argument("--slo-p99", default="200ms", help="what 99 %% of them may take (%(default)s)")
    command.add_argument("--headroom", default="25%", help="to be left above the demand (25%%)")
    command.add_argument("--output", type=Path, help="another directory to write to")
    command.add_argument("--mixed-hosts", action="store_true", help="compare runs of different machines")
    command.add_argument("--verify", action="store_true", help="run what is recommended under the demand")
    command = commands.add_parser("notebooks", help="execute the notebooks to HTML and .ipynb in the results")
    command.add_argument("results", nargs="?", type=Path, default=DEFAULT_RESULTS)
    command.add_argument("--only", help="the name of one notebook")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and run the command."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a host's locale may not know every letter of a path
    if options.command == "summary":
        return summary(options.results)
    return report(options) if options.command == "report" else notebooks(options)


if __name__ == "__main__":
    sys.exit(main())
