"""Reads the command line of a check: the limits that it sets, and what is wrong with it."""

from __future__ import annotations

import argparse
import os

from stacks.check import thresholds
from stacks.check.check_result import is_stdout
from stacks.check.invocation import CannotCheck, read_line
from stacks.check.ways import selection


def limits(options: argparse.Namespace) -> dict[str, float]:
    """Return the user's limits. Raise ValueError with every mistake."""
    given = {kind.option: getattr(options, kind.option.replace("-", "_")) for kind in thresholds.KINDS}
    return thresholds.read_limits(given, options.limits)


def find_error(options: argparse.Namespace) -> str:
    """Return what is wrong with the command line, or ''."""
    is_configured = any(name.startswith("UWSGI_") for name in os.environ)
    if not (options.ini or options.args or is_configured):
        return "name a configuration: --ini FILE (INI=), --args '...' (ARGS=), or UWSGI_* in the environment"
    try:
        read_line(options.args, os.environ)
    except CannotCheck as error:
        return str(error)
    if words := selection.usage_error(options.ways):
        return words
    try:
        limits(options)
    except ValueError as error:
        return str(error)
    if is_stdout(options.json) and is_stdout(options.junit):
        return "only one of --json and --junit can go to stdout (-)"
    for path in filter(None, (options.json, options.junit, options.code_quality, options.metrics)):
        if not path.parent.is_dir():
            return f"{path} cannot be written, because {path.parent} is not a directory"
    return ""
