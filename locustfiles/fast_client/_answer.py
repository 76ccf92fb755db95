"""Bytes of an answer -> its head and its body. Every failure has a word of `records.REQUEST_ERRORS`.

Pure and without gevent: a callable delivers the bytes, so a test can cut an answer anywhere. Most answers of a worker
have the same head, so equal heads are parsed once (`lru_cache`).
"""

import re
from functools import cached_property, lru_cache

from requests.structures import CaseInsensitiveDict

HEAD_LIMIT = 1 << 16  # four times the largest head that nginx and Apache accept
BODY_LIMIT = 1 << 30
STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5]\d\d)(?: |$)")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}\Z")
DIGITS = re.compile(r"\d{1,15}\Z", re.ASCII)
BODILESS = (204, 304)  # RFC 9112, section 6.3; answers 1xx have no body either, and are skipped


class RequestError(Exception):
    """A request failed. `word` is the kind of failure, one of `records.REQUEST_ERRORS`."""

    def __init__(self, word, detail):
        super().__init__(f"{word}: {detail}")
        self.word = word


class Head:
    """Status line and headers of an answer, and what they say about its body. Raises RequestError."""

    def __init__(self, data):
        status_line, *lines = data.split(b"\r\n")
        match = STATUS.match(status_line)
        if match is None:
            raise RequestError("malformed", f"{status_line[:60]!r} is not an HTTP/1.1 status line")
        self.status = int(match[2])
        self.pairs = []
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise RequestError("malformed", f"{line[:60]!r} is not a header")
            self.pairs.append((name, value.strip(" \t")))
        lengths = set(self._all("content-length"))
        if len(lengths) > 1 or not all(map(DIGITS.match, lengths)):
            raise RequestError("malformed", f"Content-Length {', '.join(lengths)[:60]}")
        self.length = int(lengths.pop()) if lengths else None
        if (self.length or 0) > BODY_LIMIT:
            raise RequestError("malformed", f"a body of {self.length} bytes")
        codings = [coding.strip().lower() for value in self._all("transfer-encoding") for coding in value.split(",")]
        if codings not in ([], ["chunked"], ["identity"]):
            raise RequestError("malformed", f"Transfer-Encoding {', '.join(codings)[:60]}")
        self.chunked = codings == ["chunked"]
        connection = [word.strip().lower() for value in self._all("connection") for word in value.split(",")]
        self.persistent = "close" not in connection and (match[1] == b"1" or "keep-alive" in connection)
        self.bodiless = self.status < 200 or self.status in BODILESS
        slot, _, pid = next(iter(self._all("x-worker")), "0/0").partition("/")
        self.slot, self.pid = (int(text) if DIGITS.match(text) else 0 for text in (slot, pid))

    def _all(self, name):
        return [value for key, value in self.pairs if key.lower() == name]

    @cached_property
    def headers(self):
        """The headers, case-insensitive. Values of a repeated header are joined with commas (RFC 9110, section 5.3)."""
        joined = CaseInsensitiveDict()
        for name, value in self.pairs:
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined


parse_head = lru_cache(512)(Head)


def read_answer(read, without_body):
    """Return the head of the answer, its body, and whether the connection can carry another request.

    `read` returns the next bytes, and b"" at the end of the connection. `without_body` is True for an answer to HEAD.
    Raises RequestError.
    """
    data = read()
    if not data:
        raise RequestError("closed", "connection closed without an answer")
    while True:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            # Other bytes than HTTP fail at once, because they may never end.
            if not b"HTTP/1.".startswith(data[:7]) or len(data) > HEAD_LIMIT:
                raise RequestError("malformed", f"{data[:60]!r} is not HTTP")
            data += _more(read, "head")
            continue
        head = parse_head(data[:end])
        if head.length == len(data) - end - 4 and not head.chunked and not (without_body or head.bodiless):
            return head, data[end + 4 :], head.persistent
        data = data[end + 4 :]
        if head.status >= 200:
            break
        data = data or _more(read, "answer")  # after 100 Continue and similar answers
    if without_body or head.bodiless:
        return head, b"", head.persistent and not data
    if head.chunked:
        return _read_chunked(read, head, bytearray(data))
    body = [data]
    size = len(data)
    while head.length is None or size < head.length:
        data = _more(read, "body", head.length is None)
        if not data:
            return head, b"".join(body), False
        body.append(data)
        size += len(data)
        if size > BODY_LIMIT:
            raise RequestError("malformed", f"a body of more than {BODY_LIMIT} bytes")
    whole = b"".join(body)
    return head, whole[: head.length], head.persistent and size == head.length


def _more(read, what, may_end=False):
    try:
        data = read()
    except ConnectionResetError:
        raise RequestError("truncated", f"connection reset within the {what}") from None
    if not data and not may_end:
        raise RequestError("truncated", f"connection closed within the {what}")
    return data


def _read_chunked(read, head, data):
    """Join the chunks of a body (RFC 9112, section 7.1); skip extensions and trailers. Return as `read_answer` does."""
    body = bytearray()

    def line():
        while (end := data.find(b"\r\n")) < 0:
            if len(data) > HEAD_LIMIT:
                raise RequestError("malformed", "a chunk whose size has no end")
            data.extend(_more(read, "chunks"))
        text = bytes(data[:end])
        del data[: end + 2]
        return text

    while True:
        size = line().partition(b";")[0].strip()
        if SIZE.match(size) is None:
            raise RequestError("malformed", f"a chunk of size {size[:20]!r}")
        size = int(size, 16)
        if size == 0:
            break
        if len(body) + size > BODY_LIMIT:
            raise RequestError("malformed", f"a body of more than {BODY_LIMIT} bytes")
        while len(data) < size + 2:
            data.extend(_more(read, "chunks"))
        if data[size : size + 2] != b"\r\n":
            raise RequestError("malformed", "a chunk longer than its size")
        body += data[:size]
        del data[: size + 2]
    trailers = 0
    while trailer := line():
        trailers += len(trailer)
        if trailers > HEAD_LIMIT:
            raise RequestError("malformed", "trailers without end")
    return head, bytes(body), head.persistent and not data
