"""The guard in front of everything of the pack that listens: it refuses requests of foreign web pages.

A browser sends requests of every open page also to this machine. Two things tell them from the user's own requests:

- `Host`: a page of evil.example whose name points to 127.0.0.1 (DNS rebinding) still calls this machine evil.example.
- `Origin` and `Sec-Fetch-Site`: the browser says which page sends the request, and a page cannot change these headers.

The guard is WSGI middleware. Programs that send neither of the last two, such as curl and Prometheus, need only a right
`Host`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from stacks.listen.address import Listening

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
OWN_SITES = ("same-origin", "none")  # `none`: the user typed the address or chose a bookmark
SHOWN = 80  # characters of a wrong header that the answer repeats
# Another page cannot show this one in a frame, in which it could mislead the user's clicks. Browsers leave
# Sec-Fetch-Site out of requests over http to another machine, so the guard alone does not prevent frames.
NO_FRAMES = ("Content-Security-Policy", "frame-ancestors 'none'")


class Guard:
    """Wraps a WSGI application. It answers a foreign request with status 403 and one sentence."""

    def __init__(self, application: Application, listening: Listening) -> None:
        self._application = application
        self._listening = listening

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        sentence = refusal(environ, self._listening)
        if not sentence:
            return self._application(
                environ, lambda status, headers, *more: start_response(status, [*headers, NO_FRAMES], *more)
            )
        body = f"{sentence}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        start_response("403 Forbidden", [*headers, ("Content-Length", str(len(body)))])
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [body]


def refusal(environ: Environ, listening: Listening) -> str:
    """Return the sentence that says why a request is refused. Return '' if it is the user's own."""
    host = str(environ.get("HTTP_HOST", "")).lower()
    if not host:
        return "Refused: the request does not say which host it wants (header Host)."
    match = HOST.fullmatch(host)
    if match is None or int(match["port"] or 0) > 65_535 or not listening.is_ours(match["name"]):
        how = "127.0.0.1 or localhost" if listening.is_loopback else "its address, or add the name: LISTEN=ADDRESS,NAME"
        return f"Refused: {shown(host)} is not a name of this server. Call it by {how}."
    site = str(environ.get("HTTP_SEC_FETCH_SITE", "none")).lower()
    if site not in OWN_SITES:
        return (
            f"Refused: the request comes from another web page (Sec-Fetch-Site: {shown(site)}). "
            "Open this address from the address bar of the browser."
        )
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and without_default_port(str(origin).lower()) not in own_origins(host):
        return f"Refused: the request comes from another web page (Origin: {shown(str(origin))})."
    return ""


def own_origins(host: str) -> tuple[str, str]:
    """Return the origins of the pages of this server. A proxy in front of it may speak https."""
    return without_default_port(f"http://{host}"), without_default_port(f"https://{host}")


def without_default_port(origin: str) -> str:
    """Return an origin without the port that its scheme implies: browsers leave this port out."""
    scheme = origin.partition("://")[0]
    return origin.removesuffix({"http": ":80", "https": ":443"}.get(scheme, ""))


def shown(header: str) -> str:
    """Return a header's text for a sentence: printable ASCII of limited length."""
    text = header.encode("ascii", "backslashreplace").decode()
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
