"""What a request of FastSession returns: an answer or an error. A with-block can judge it."""

import json as json_module

from locust.exception import CatchResponseError, LocustError, ResponseError

NO_BLOCK = "Call success() and failure() inside a with-block, with catch_response=True."


class Response:
    """An answer, or an `error` instead. With `catch_response=True` it is a with-block that may judge the answer."""

    __slots__ = ("_fire", "_head", "_meta", "_verdict", "content", "error", "js", "method", "status_code", "url")

    def __init__(self, method, url, head, content, error):
        self.method = method
        self.url = url
        self._head = head
        self.content = content
        self.error = error
        self.status_code = head.status if head is not None else 0
        self._meta = None

    @property
    def headers(self):
        """The headers, case-insensitive. None without an answer."""
        return self._head.headers if self._head is not None else None

    @property
    def ok(self):
        return 0 < self.status_code < 400

    @property
    def text(self):
        if self.content is None:
            return None
        charset = (self.headers.get("content-type") or "").lower().partition("charset=")[2].partition(";")[0]
        try:
            return self.content.decode(charset.strip(" \"'") or "utf-8", "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self):
        return json_module.loads(self.content or b"")

    def raise_for_status(self):
        if self.error is not None:
            raise self.error

    def caught(self, fire, meta):
        """Let the with-block fire Locust's event. Return self."""
        self._fire, self._meta, self._verdict = fire, meta, None
        return self

    def __enter__(self):
        if self._meta is None:
            raise LocustError("A with-block around a request needs catch_response=True.")
        return self

    def __exit__(self, kind, error, _traceback):
        if self._verdict is not None:
            self._meta["exception"] = None if self._verdict is True else self._verdict
        elif isinstance(error, ResponseError):
            self._meta["exception"] = error
        elif kind is not None:
            return False
        self._fire(**self._meta)
        return True

    def success(self):
        if self._meta is None:
            raise LocustError(NO_BLOCK)
        self._verdict = True

    def failure(self, error):
        if self._meta is None:
            raise LocustError(NO_BLOCK)
        self._verdict = error if isinstance(error, Exception) else CatchResponseError(error)
