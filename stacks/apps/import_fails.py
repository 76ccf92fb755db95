"""An app whose import works when its stack starts and fails two seconds later, as if its database had stopped."""

import os
from pathlib import Path

CLOCK = os.sysconf("SC_CLK_TCK")


def started_s(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) / CLOCK


if started_s("self") - started_s(os.getppid()) > 2:
    raise OSError("the database does not answer")


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
