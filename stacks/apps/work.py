"""An app of a given size: its import fills WORK_MB of memory; a request computes WORK_CPU_MS and waits WORK_IO_MS."""

import os
import time

CPU_S = float(os.environ.get("WORK_CPU_MS") or 1) / 1e3
IO_S = float(os.environ.get("WORK_IO_MS") or 19) / 1e3
TABLE = b"x" * int(float(os.environ.get("WORK_MB") or 16) * 1024 * 1024)


def application(environ, start_response):
    until = time.thread_time() + CPU_S  # CPU time of this thread, so that a busy host does not reduce the work
    while time.thread_time() < until:
        pass
    time.sleep(IO_S)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
