"""Runs uv's package commands, and lets uv read the package index only once for each server package."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from stacks.catalogue.bounded_command import CommandRunner
from stacks.catalogue.server_packages import HAS_WHEELS, INSTALL_S
from stacks.catalogue.uv import lacks_wheel

_index_read: set[str] = set()  # the packages whose page of the index uv has read for this process


def run_uv(
    command: list[str | Path], package: str, run: CommandRunner, keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the uv command, from uv's cache alone if uv has just read the page of `package`.

    Reading the index takes 10 s and more if the index is slow. A cache that is not enough leads to a second try
    with the index.
    """
    if package in _index_read and HAS_WHEELS[package] and "pip" in command:
        done = run([*command, "--offline"], INSTALL_S, keep_open)
        if done.returncode == 0 or lacks_wheel(done.stderr):
            return done
    done = run(command, INSTALL_S, keep_open)
    if "pip" in command and (done.returncode == 0 or lacks_wheel(done.stderr)):
        _index_read.add(package)
    return done
