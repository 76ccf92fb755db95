"""Where a request goes and what bytes it is: HTTP/1.1, or a uwsgi packet for a `socket =` stack.

Pure and without gevent. What repeats (addresses, request lines) is made once and looked up afterwards,
because building it anew is most of what a request costs in FastHttpUser.
"""

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

URL_SAFE = "%/:=&?~+!$,;'@()*[]"  # what `quote` leaves alone: RFC 3986's reserved characters, and escapes made already
HEADER_LIMIT = 0xFFFF  # datasize of a uwsgi packet is 16 bits (core/uwsgi.h, struct uwsgi_header)
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """One server: `path` is set for a unix socket, `host` and `port` for TCP; every path begins with `prefix`."""

    protocol: str  # http or uwsgi
    tls: bool
    host: str
    port: int
    path: str
    prefix: str
    authority: str  # the Host header


@lru_cache(256)
def parse_target(url):
    """The server of a base URL: http, https, http+unix, uwsgi or uwsgi+unix. Raises ValueError naming what is wrong.

    The path of a unix socket stands percent-encoded where the host would (`http+unix://%2Frun%2Fapp.sock`), or
    plainly after `///`; an `@` before it means Linux' abstract names, as in uWSGI.
    """
    scheme, separator, _ = url.partition("://")
    protocol, plus, transport = scheme.lower().partition("+")
    if not separator or protocol not in ("http", "https", "uwsgi") or (plus and transport != "unix"):
        raise ValueError(f"{url!r}: not an http, https, http+unix, uwsgi or uwsgi+unix URL")
    parts = urlsplit(url)
    if plus:
        socket_path, prefix = (unquote(parts.netloc), parts.path) if parts.netloc else (unquote(parts.path), "")
        if not socket_path.strip("/@"):
            raise ValueError(f"{url!r}: names no socket")
        return Target(protocol, protocol == "https", "localhost", 0, socket_path, prefix, "localhost")
    port = parts.port or PORTS.get(protocol)
    if not parts.hostname or not port:
        raise ValueError(f"{url!r}: names no host" if not parts.hostname else f"{url!r}: names no port")
    authority = parts.netloc.rpartition("@")[2]
    return Target(protocol, protocol == "https", parts.hostname, port, "", parts.path, authority)


@lru_cache(4096)
def split_url(base_url, url):
    """The target of a request and its path with the query: `url` is absolute, or continues `base_url`."""
    absolute = "://" in url.partition("?")[0]
    if not absolute:
        target = parse_target(base_url)
        path = target.prefix + url
    else:
        parts = urlsplit(url)
        target = parse_target(f"{parts.scheme}://{parts.netloc}")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    path = quote(path.partition("#")[0], safe=URL_SAFE)
    return target, path if path.startswith("/") else f"/{path}"


def encode(target, method, path, headers, body, keep_alive):
    """The bytes of a whole request; `headers` is a mapping of strings or None, `body` bytes or None."""
    if not method.isalpha():
        raise ValueError(f"{method!r} is no method")
    fields = {"Host": target.authority}
    names = {"host": "Host"}  # one field a name, whatever its capitals: the caller's wins
    for name, value in (headers or {}).items():
        name, value = str(name), str(value)
        if not name.strip() or any(c in "\r\n\0" for c in name + value) or ":" in name:
            raise ValueError(f"header {name!r}: {value!r} would break the request")
        fields[names.setdefault(name.lower(), name)] = value
    if "transfer-encoding" in names:
        raise ValueError("Transfer-Encoding: the body is sent whole, with its Content-Length")
    if body is not None or method in ("POST", "PUT", "PATCH"):
        fields[names.setdefault("content-length", "Content-Length")] = str(len(body or b""))
    if target.protocol == "uwsgi":
        return _uwsgi(target, method, path, fields) + (body or b"")
    if not keep_alive:
        fields.setdefault(names.setdefault("connection", "Connection"), "close")
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", "xmlcharrefreplace") + (body or b"")


def _uwsgi(target, method, path, fields):
    """The uwsgi packet with the variables that nginx' uwsgi_params sends. Raises ValueError where it does not fit."""
    plain, _, query = path.partition("?")
    variables = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": path,
        "PATH_INFO": unquote(plain, "latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REQUEST_SCHEME": "http",
        "SERVER_NAME": target.host,
        "SERVER_PORT": str(target.port),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(os.getpid() & 0xFFFF),
    }
    for name, value in fields.items():
        key = name.upper().replace("-", "_")
        variables[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"] = value
    packed = bytearray()
    for pair in variables.items():
        for text in pair:
            data = text.encode("latin-1", "xmlcharrefreplace")
            if len(data) > HEADER_LIMIT:
                raise ValueError("a uwsgi packet holds 65535 bytes of variables; these headers are longer")
            packed += struct.pack("<H", len(data)) + data
    if len(packed) > HEADER_LIMIT:
        raise ValueError("a uwsgi packet holds 65535 bytes of variables; these headers are longer")
    return struct.pack("<BHB", 0, len(packed), 0) + packed
