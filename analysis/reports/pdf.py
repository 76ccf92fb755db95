"""Prints an HTML page to PDF with a browser of the Chromium family."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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
            subprocess.run(command, check=True, capture_output=True, timeout=PRINT_LIMIT_S)
        except (subprocess.SubprocessError, OSError) as error:
            print(f"analysis: no PDF was written, because {shlex.join(command[:1])} failed: {error}", file=sys.stderr)
            return None
    return to if to.is_file() else None
