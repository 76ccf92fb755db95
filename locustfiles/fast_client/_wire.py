"""URLs -> targets, and requests -> bytes: HTTP/1.1, or a uwsgi packet for a stack with `socket =`.

Pure and without gevent. Addresses and request lines repeat, so they are made once and kept: making them for each
request is most of the cost of a request in FastHttpUser.
"""

import os
import struct
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

URL_SAFE = "%/:=&?~+!$,;'@()*[]"  # characters that `quote` keeps: the reserved ones of RFC 3986, and `%` of escapes
HEADER_LIMIT = 0xFFFF  # datasize of a uwsgi packet is 16 bits (core/uwsgi.h, struct uwsgi_header)
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """One server. `path` is set for a unix socket, `host` and `port` for TCP. Paths of requests begin with `prefix`."""

    protocol: str  # http or uwsgi
    tls: bool
    host: str
    port: int
    path: str
    prefix: str
    authority: str  # the Host header


@lru_cache(256)
def parse_target(url):
    """Return the server of a base URL: http, https, http+unix, uwsgi or uwsgi+unix. Raises ValueError.

    The path of a unix socket is percent-encoded in the place of the host (`http+unix://%2Frun%2Fapp.sock`), or follows
    `///` as it is. An `@` before the path means Linux' abstract names, as in uWSGI.
    """
    scheme, separator, _ = url.partition("://")
    protocol, plus, transport = scheme.lower().partition("+")
    if not separator or protocol not in ("http", "https", "uwsgi") or (plus and transport != "unix"):
        raise ValueError(f"{url!r} is not an http, https, http+unix, uwsgi or uwsgi+unix URL")
    parts = urlsplit(url)
    if plus:
        socket_path, prefix = (unquote(parts.netloc), parts.path) if parts.netloc else (unquote(parts.path), "")
        if not socket_path.strip("/@"):
            raise ValueError(f"{url!r} has no socket path")
        return Target(protocol, protocol == "https", "localhost", 0, socket_path, prefix, "localhost")
    port = parts.port or PORTS.get(protocol)
    if not parts.hostname or not port:
        raise ValueError(f"{url!r} has no host" if not parts.hostname else f"{url!r} has no port")
    authority = parts.netloc.rpartition("@")[2]
    return Target(protocol, protocol == "https", parts.hostname, port, "", parts.path, authority)


@lru_cache(4096)
def split_url(base_url, url):
    """Return the target of a request, and its path with the query. `url` is absolute, or continues `base_url`."""
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
    """Return the bytes of a whole request. `headers` maps names to values, or is None. Raises ValueError."""
    if not method.isalpha():
        raise ValueError(f"{method!r} is not a method")
    fields = {"Host": target.authority}
    names = {"host": "Host"}  # one field for each name, in upper or lower case; a field of the caller wins
    for name, value in (headers or {}).items():
        name, value = str(name), str(value)
        if not name.strip() or any(c in "\r\n\0" for c in name + value) or ":" in name:
            raise ValueError(f"header {name!r}: {value!r} would break the request")
        fields[names.setdefault(name.lower(), name)] = value
    if "transfer-encoding" in names:
        raise ValueError("Transfer-Encoding cannot be set: the body is sent whole, with its Content-Length")
    if body is not None or method in ("POST", "PUT", "PATCH"):
        fields[names.setdefault("content-length", "Content-Length")] = str(len(body or b""))
    if target.protocol == "uwsgi":
        return _uwsgi(target, method, path, fields) + (body or b"")
    if not keep_alive:
        fields.setdefault(names.setdefault("connection", "Connection"), "close")
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1", "xmlcharrefreplace") + (body or b"")


def _uwsgi(target, method, path, fields):
    """Return a uwsgi packet with the variables of nginx' uwsgi_params. Raises ValueError if they do not fit into it."""
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
                raise ValueError("A uwsgi packet holds 65535 bytes of variables. These headers are longer.")
            packed += struct.pack("<H", len(data)) + data
    if len(packed) > HEADER_LIMIT:
        raise ValueError("A uwsgi packet holds 65535 bytes of variables. These headers are longer.")
    return struct.pack("<BHB", 0, len(packed), 0) + packed
