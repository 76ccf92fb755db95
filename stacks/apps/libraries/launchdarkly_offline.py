"""launchdarkly-server-sdk: a client that is offline; a request evaluates a flag."""

import ldclient
from ldclient import Context
from ldclient.config import Config

ldclient.set_config(Config("key", offline=True))
CLIENT = ldclient.get()
CONTEXT = Context.builder("pack").build()


def application(environ, start_response):
    CLIENT.variation("flag", CONTEXT, False)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
