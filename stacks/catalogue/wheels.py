"""Asks the package index whether it has a wheel of a server package for a Python on this platform."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from stacks.catalogue.bounded_command import CommandRunner, run_bounded
from stacks.catalogue.server_packages import HAS_WHEELS
from stacks.catalogue.uv import explain_failure, find_uv, lacks_wheel
from stacks.catalogue.uv_pip import run_uv
from stacks.catalogue.venvs import NO_UV, VenvError


def has_wheel(python: str, package: str, pin: str, run: CommandRunner = run_bounded) -> bool:
    """Return True if the package index has a wheel of `pin` for this Python and platform.

    Return True as well for a package that is built from its sdist. Raise VenvError if the index cannot be asked.
    """
    if not HAS_WHEELS[package]:
        return True
    uv = find_uv()
    if uv is None:
        raise VenvError(NO_UV)
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write(f"{package}=={pin}\n")
        file.flush()
        # With --python uv asks this Python for its platform. Otherwise it executes every Python on PATH each time.
        options = ["--quiet", "--no-deps", "--no-header", "--only-binary", ":all:", "--python", sys.executable]
        try:
            done = run_uv([uv, "pip", "compile", *options, "--python-version", python, file.name], package, run)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VenvError(f"uv could not be asked for {package} {pin} ({error}).") from None
    if done.returncode == 0:
        return True
    if lacks_wheel(done.stderr):
        return False
    raise VenvError(explain_failure(done.stderr, python, package, pin))
