"""Prints one line for each change, until the masters have ended or nobody reads the lines any more."""

from __future__ import annotations

import sys
from collections.abc import Callable

from stacks.console.closed_output import Reader
from stacks.watch.codes import HUNG, OK
from stacks.watch.fleet import Fleet
from stacks.watch.view import Change

LOOK_S = 1.0  # between two looks whether somebody reads


def print_changes(fleet: Fleet, line: Callable[[Change], str]) -> int:
    """Print `line(change)` for each change. Return the exit code."""
    reader, is_hung = Reader(), False
    try:
        while not (fleet.is_over or (fleet.is_only_shown and reader.is_gone())):
            changes = fleet.step(LOOK_S)
            for change in changes:
                print(line(change))
            if changes:
                sys.stdout.flush()
            if changes and fleet.watches:
                is_hung = fleet.is_hung
    finally:
        reader.close()
    return HUNG if is_hung else OK
