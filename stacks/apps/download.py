"""An app whose import writes the 30 MB that `static-map` serves, into the file that `pyargv` names."""

import sys
from pathlib import Path

BYTES = 30 << 20

Path(sys.argv[1]).write_bytes(bytes(BYTES))


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
