"""The connections of one user: it opens them, sends a request on each, and keeps them if server and user allow it."""

import ssl

from ._answer import RequestError, read_answer
from ._sockets import connect, get_poller, receiver, resolve, secure, transmit, word_of

REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"))  # RFC 9110, section 9.2.2


class Connections:
    """Sends requests and returns their answers. `user` has the timeouts, keep_alive and the TLS settings."""

    def __init__(self, user):
        self._user = user
        self._poller = get_poller()
        self._addresses = {}
        self._idle = {}
        self._tls = None

    def exchange(self, target, message, method):
        """Send `message` to `target`. Return the head and the body of the answer. Raises RequestError and OSError."""
        idle = self._idle.get(target)
        while idle:
            sock = idle.pop()
            if not _is_open(sock):
                continue
            try:
                return self._converse(sock, target, message, method)
            except (RequestError, OSError) as error:
                # A server may close an idle connection just when a request arrives. Repeat it on a new connection.
                word = error.word if isinstance(error, RequestError) else word_of(error)
                if word not in ("closed", "reset") or method not in REPEATABLE:
                    raise
                break
        return self._converse(self._connect(target), target, message, method)

    def _connect(self, target):
        user = self._user
        family, address = self._addresses.get(target) or self._resolve(target)
        sock = connect(family, address, user.connection_timeout)
        if target.tls:
            if self._tls is None:
                self._tls = user.ssl_context()
            sock = secure(sock, self._tls, target.host, self._poller, user.connection_timeout)
        return sock

    def _resolve(self, target):
        address = self._addresses[target] = resolve(target)
        return address

    def _converse(self, sock, target, message, method):
        user = self._user
        keep = False
        read = receiver(sock, target.tls, self._poller, user.network_timeout)
        try:
            try:
                transmit(sock, message, self._poller, user.connection_timeout, user.network_timeout)
            except OSError as error:
                if word_of(error) != "reset":
                    raise
                # The server did not read the whole request (413, or its worker left). It may have answered before.
                try:
                    head, body, _ = read_answer(read, method == "HEAD")
                except RequestError:
                    raise error from None
                return head, body
            head, body, keep = read_answer(read, method == "HEAD")
        finally:
            if keep and user.keep_alive and target.protocol == "http":
                self._idle.setdefault(target, []).append(sock)
            else:
                sock.close()
        return head, body

    def close(self):
        """Close the connections that are kept."""
        for sockets in self._idle.values():
            while sockets:
                sockets.pop().close()


def _is_open(sock):
    """Return True if an idle connection can be used. Close it if it has ended, or has bytes that nobody requested."""
    try:
        sock.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    sock.close()
    return False
