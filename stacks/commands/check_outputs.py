"""The options of `check` for CI: its limits, its static form, and the files to write beside JSON and JUnit."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options. `stacks.check.thresholds` parses the limits, so that all mistakes are reported at once."""
    limits = parser.add_argument_group("limits; the check fails with exit code 3 if one is exceeded")
    limits.add_argument("--max-lost", metavar="COUNT", help="lost requests")
    limits.add_argument("--max-recycle", metavar="TIME", help="longest time of a recycle, such as 2s")
    limits.add_argument("--max-hang-rate", metavar="SHARE", help="share of the respawns that hung, such as 5%%")
    limits.add_argument("--p99", metavar="TIME", help="latency that 99 %% of the answers keep, such as 200ms")
    limits.add_argument("--max-stop", metavar="TIME", help="time of a stop, such as 10s")
    limits.add_argument("--limits", type=Path, metavar="FILE", help="toml file with these limits in its table [check]")
    parser.add_argument("--code-quality", type=Path, metavar="FILE", help="write GitLab's code quality report")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="write the numbers as OpenMetrics text")
    parser.add_argument(
        "--static", action="store_true", help="say what is known of this version and these options, and start nothing"
    )
