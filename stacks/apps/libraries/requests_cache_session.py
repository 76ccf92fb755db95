"""requests-cache: a session with a cache in memory."""

from requests_cache import CachedSession

SESSION = CachedSession(backend="memory")


def application(environ, start_response):
    SESSION.cache.contains("key")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "3")])
    return [b"ok\n"]
