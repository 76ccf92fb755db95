"""Prints an HTML page to PDF with a browser of the Chromium family."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from stacks.console import interrupts

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PRINT_LIMIT_S = 60.0


def print_pdf(page: Path, to: Path) -> Path | None:
    """Print `page` to `to`. Returns None without a browser, with PACK_NO_PDF set, or where printing fails.

    The page is the report and the PDF only a copy of it, so a failure is reported on stderr and is no error.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None or os.environ.get("PACK_NO_PDF"):
        return None
    with tempfile.TemporaryDirectory() as profile:
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        command += [f"--user-data-dir={profile}", f"--print-to-pdf={to}", page.resolve().as_uri()]
        try:
            _run(command)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"analysis: no PDF was written, because {shlex.join(command[:1])} failed: {error}", file=sys.stderr)
            return None
    return to if to.is_file() else None


def _run(command: list[str]) -> None:
    """Run a browser with a time limit. At the limit, or at an interrupt, all its processes end, and the profile can go.

    Raises SubprocessError and OSError.
    """
    browser: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.blocked():  # an interrupt during the start would leave a browser that nobody knows
            browser = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
                preexec_fn=interrupts.unblock_in_child,
            )
        code = browser.wait(PRINT_LIMIT_S)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            interrupts.ignore()  # a second one would end the clean-up
        if browser is not None:
            with suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, command)
