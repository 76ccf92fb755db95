"""FastUser: a Locust user with a fast client. It has the methods and attributes of `FastHttpUser` that scenarios use.

`from fast_client import FastUser` is the only line to change. FastUser speaks HTTP/1.1 over TCP, TLS and unix sockets,
and the uwsgi protocol to a stack with `socket =`. It follows no redirects, keeps no cookies and requests no
compression, so an answer is measured as the server sent it. It resolves a host name once.
"""

import json as json_module
import ssl
from contextlib import contextmanager
from time import monotonic_ns, time
from urllib.parse import urlencode

import gevent
from gevent import GreenletExit, getcurrent
from locust import User
from locust.contrib.fasthttp import LocustBadStatusCode
from locust.exception import StopTest
from locust.user.users import RestMixin

from ._answer import RequestError
from ._connections import Connections
from ._response import Response
from ._sockets import word_of
from ._wire import encode, parse_target, split_url

PREPARED_LIMIT = 4096


class FastSession:
    """The `client` of a FastUser: it sends the requests of one user."""

    # The recorder sets this: record(scheduled_ns, start_ns, end_ns, method, name, head, size, error word).
    record = None

    def __init__(self, user):
        self.user = user
        self.request_name = None
        self._fire = user.environment.events.request.fire
        self._prepared = {}
        self._connections = Connections(user)
        self._exchange = self._connections.exchange

    # -- one request ----------------------------------------------------------------------------

    def request(
        self,
        method,
        url,
        name=None,
        data=None,
        catch_response=False,
        headers=None,
        json=None,
        context=None,
        allow_redirects=False,
    ):
        """Send one request, and wait for the whole answer. `allow_redirects` has no effect: it follows no redirects."""
        if data is None and json is None and headers is None:
            prepared = self._prepared.get((method, url)) or self._remember(method, url)
        else:
            prepared = self._prepare(method, url, data, json, headers)
        target, message, full_url = prepared
        name = name or self.request_name or url
        head = content = error = None
        word = ""
        start_time = time()
        start_ns = monotonic_ns()
        scheduled_ns = getcurrent().__dict__.pop("scheduled_ns", start_ns)
        try:
            head, content = self._exchange(target, message, method)
        except RequestError as failed:
            error, word = failed, failed.word
        except OSError as failed:
            word = word_of(failed)
            error = RequestError(word, str(failed))
        except GreenletExit:
            word = "in_flight"
            raise
        except BaseException as failed:  # a scenario has raised it in its own request, such as gevent.Timeout
            word = "timeout" if isinstance(failed, gevent.Timeout) else "other"
            raise
        finally:
            end_ns = monotonic_ns()
            size = len(content) if content else 0
            if self.record is not None:
                self.record(scheduled_ns, start_ns, end_ns, method, name, head, size, word)
        if error is None and head.status >= 400:
            error = LocustBadStatusCode(full_url, code=head.status)
        response = Response(method, full_url, head, content, error)
        more = self.user.context()
        meta = {
            "request_type": method,
            "name": name,
            "context": {**more, **context} if context else more,
            "response": response,
            "exception": error,
            "start_time": start_time,
            "url": full_url,
            "response_length": size,
            "response_time": (end_ns - scheduled_ns) / 1e6,
        }
        if catch_response:
            return response.caught(self._fire, meta)
        self._fire(**meta)
        return response

    def _prepare(self, method, url, data, json, headers):
        """Return the target, the bytes and the full URL of a request. Raises ValueError."""
        fields = {**(self.user.default_headers or {}), **(headers or {})}
        given = {name.lower() for name in fields}
        if isinstance(data, dict):
            data = urlencode(data, doseq=True)
            if "content-type" not in given:
                fields["Content-Type"] = "application/x-www-form-urlencoded"
        elif not data and json is not None:
            data = json_module.dumps(json)
            fields |= {n: "application/json" for n in ("Content-Type", "Accept") if n.lower() not in given}
        body = data.encode() if isinstance(data, str) else data
        target, path = split_url(self.user.host, url)
        message = encode(target, method, path, fields, body, self.user.keep_alive)
        return target, message, url if "://" in url.partition("?")[0] else f"{self.user.host}{url}"

    def _remember(self, method, url):
        if len(self._prepared) >= PREPARED_LIMIT:
            self._prepared.clear()
        prepared = self._prepared[method, url] = self._prepare(method, url, None, None, None)
        return prepared

    # -- the methods of FastHttpUser ------------------------------------------------------------

    def get(self, url, **kwargs):
        return self.request("GET", url, **kwargs)

    def post(self, url, data=None, json=None, **kwargs):
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url, data=None, json=None, **kwargs):
        return self.request("PUT", url, data=data, json=json, **kwargs)

    def patch(self, url, data=None, json=None, **kwargs):
        return self.request("PATCH", url, data=data, json=json, **kwargs)

    def delete(self, url, **kwargs):
        return self.request("DELETE", url, **kwargs)

    def head(self, url, **kwargs):
        return self.request("HEAD", url, **kwargs)

    def options(self, url, **kwargs):
        return self.request("OPTIONS", url, **kwargs)

    @contextmanager
    def rename_request(self, name):
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def close(self):
        """Close the connections that are kept."""
        self._connections.close()


class FastUser(RestMixin, User):
    """A user whose `client` is a FastSession. A timeout is a time without any byte, as in FastHttpUser."""

    abstract = True
    network_timeout = 60.0
    connection_timeout = 60.0
    keep_alive = True  # if the server allows it; False: one connection for each request, with `Connection: close`
    insecure = True  # certificates are not verified, as in FastHttpUser
    ssl_context_factory = None
    default_headers = None

    def __init__(self, environment):
        super().__init__(environment)
        if self.host is None:
            raise StopTest("There is no host. Set `host` in the user class, or give --host.")
        try:
            parse_target(self.host)
        except ValueError as error:
            raise StopTest(f"--host {error}") from None
        self.client = FastSession(self)

    def ssl_context(self):
        """Return the TLS settings of all connections."""
        factory = type(self).ssl_context_factory
        if factory is not None:
            return factory()
        return ssl._create_unverified_context() if self.insecure else ssl.create_default_context()  # noqa: S323 - `insecure` asks for it
