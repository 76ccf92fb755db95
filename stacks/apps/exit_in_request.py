"""An app that ends its worker in each request, as a native library that refuses to work below a fork does."""

import os
import sys


def application(environ, start_response):
    print("backend: cannot continue after fork", file=sys.stderr, flush=True)
    os._exit(1)
