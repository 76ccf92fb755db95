"""An app whose import writes a file of 30 MB, which `static-map` serves. `pyargv` names the file."""

import sys
from pathlib import Path

BYTES = 30 << 20

Path(sys.argv[1]).write_bytes(bytes(BYTES))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
