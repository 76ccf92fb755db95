"""An app that holds 512 MB. It touches every page, so each fork has to map every page."""

PAGES = bytearray(512 << 20)
for page in range(0, len(PAGES), 4096):
    PAGES[page] = 1


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
