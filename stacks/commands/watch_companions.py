"""The options of `watch` for what goes along with the watching: metrics, a recording, a command on a hang, healing."""

from __future__ import annotations

import argparse
from pathlib import Path

LOOPBACK = "127.0.0.1"  # as `stacks.listen` has it: a command imports nothing else before it runs
RECORD_MB = 256  # a day with a respawn every ten seconds is 50 MB


def add_companion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options. `stacks.watch.companions` takes what they parse to."""
    group = parser.add_argument_group("besides")
    group.add_argument(
        "--metrics",
        type=port,
        metavar="PORT",
        help="answer http://127.0.0.1:PORT/metrics for Prometheus; 0: a free port",
    )
    group.add_argument(
        "--listen",
        default=LOOPBACK,
        metavar="ADDRESS",
        help="address for --metrics, and after commas the host names by which it may be called "
        f"(default: {LOOPBACK}, so that only this machine can connect)",
    )
    group.add_argument(
        "--otlp", metavar="URL", help="also send the metrics to this OpenTelemetry endpoint (OTLP, HTTP)"
    )
    group.add_argument(
        "--record", type=Path, metavar="DIR", help="record, so that analysis and the notebooks can read it"
    )
    group.add_argument(
        "--record-mb",
        type=megabytes,
        default=RECORD_MB,
        metavar="MB",
        help="size of all recordings in DIR; the oldest are removed (default: %(default)s)",
    )
    group.add_argument(
        "--on-hang", metavar="CMD", help="run this command for each hang; its environment has HANG_... facts"
    )
    group.add_argument(
        "--heal", action="store_true", help="end workers that are proven to hang with SIGKILL, a few at a time"
    )


def port(text: str) -> int:
    """Parse a port. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a port. A port is a number from 1 to 65535, or 0 for a free one"
        )
    return int(text)


def megabytes(text: str) -> int:
    """Parse the size of the recordings. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of megabytes")
    return int(text)
