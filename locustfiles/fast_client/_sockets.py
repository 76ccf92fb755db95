"""The sockets of FastUser: raw and non-blocking, with one epoll and one timer for all greenlets that wait.

`gevent.socket` and `gevent.Timeout` make objects that cost several microseconds a request. Here a request makes one
`_socket.socket` and one entry in a table, and one watcher of the hub and one timer read this table.
"""

import errno
import ipaddress
import select
import ssl
import threading
from _socket import AF_INET, AF_INET6, AF_UNIX, SO_ERROR, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET, socket
from time import monotonic

import gevent
from gevent import get_hub, getcurrent
from gevent import socket as gevent_socket
from gevent.monkey import get_original
from greenlet import greenlet

from ._answer import RequestError

epoll = get_original("select", "epoll")  # gevent's patch removes it from `select`
LIBEV_READ = 1
switch = greenlet.switch  # gevent's own switch first looks for a hook, which is not needed here
# EPOLLONESHOT: a socket is closed or registered again before a greenlet waits for it again.
READ, WRITE = (flag | select.EPOLLONESHOT for flag in (select.EPOLLIN, select.EPOLLOUT))
SWEEP_S = 0.02  # a timeout may come so much too late
RECEIVE = 1 << 16
STREAM = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC
WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
# connect_ex returns these while a connection is being made. On loopback it is usually made at once, so `transmit` sends
# without waiting.
PENDING = (0, errno.EINPROGRESS)
# connect(2) returns EAGAIN for a unix socket whose backlog is full. epoll cannot wait for that, so it is tried again.
UNIX_RETRY_S = 0.002


class Poller:
    """Knows which greenlet waits for which socket, and until when. A timer throws `timeout` into overdue greenlets.

    The hub watches one epoll instead of every socket: to make, start and close a watcher for each request is a
    twentieth of the cost of a request. A greenlet that is woken tries its socket again, because the descriptor may
    belong to another socket by now.
    """

    def __init__(self, hub):
        self.hub = hub
        self._waiting = {}  # (greenlet, deadline) by descriptor
        self._turns = {}  # greenlets that let others run first
        self._epoll = epoll()
        self._register, self._poll = self._epoll.register, self._epoll.poll
        self._watcher = hub.loop.io(self._epoll.fileno(), LIBEV_READ)
        self._watcher.start(self._wake)
        self._timer = hub.loop.timer(SWEEP_S, SWEEP_S, ref=False)
        self._timer.start(self._sweep)

    def _wake(self):
        waiting = self._waiting
        for descriptor, _ in self._poll(0):
            if descriptor in waiting:
                waiting[descriptor][0].switch()

    def _sweep(self):
        now = monotonic()
        for descriptor, entry in [item for item in self._waiting.items() if item[1][1] <= now]:
            if self._waiting.get(descriptor) is entry:
                entry[0].throw(RequestError("timeout", "no answer in time"))

    def wait(self, sock, event, seconds):
        """Wait until the socket may be ready, at most for `seconds`. Raises RequestError."""
        descriptor = sock.fileno()
        try:
            self._register(descriptor, event)
        except FileExistsError:  # a connection that was kept is registered already
            self._epoll.modify(descriptor, event)
        self._waiting[descriptor] = (getcurrent(), monotonic() + seconds)
        try:
            switch(self.hub)
        finally:
            del self._waiting[descriptor]

    def turn(self):
        """Let every greenlet run that can run now, and then continue."""
        turns, current = self._turns, getcurrent()
        if not turns:
            self.hub.loop.run_callback(self._give)
        turns[current] = None
        try:
            switch(self.hub)
        finally:
            del turns[current]

    def _give(self):
        turns, self._turns = self._turns, {}  # a greenlet that continues may call turn() again
        for waiting in list(turns):
            if waiting in turns:
                waiting.switch()


_of_thread = threading.local()


def get_poller():
    """Return the poller of this thread's hub."""
    hub = get_hub()
    poller = getattr(_of_thread, "poller", None)
    if poller is None or poller.hub is not hub:
        poller = _of_thread.poller = Poller(hub)
    return poller


def resolve(target):
    """Return the family and the address of a target. The caller keeps them, so that a name is resolved once.

    IPv4 addresses come before IPv6 addresses, because uWSGI binds IPv4 by default.
    """
    if target.path:
        return AF_UNIX, f"\0{target.path[1:]}" if target.path.startswith("@") else target.path
    try:
        ip = ipaddress.ip_address(target.host)
        return (AF_INET if ip.version == 4 else AF_INET6), (target.host, target.port)
    except ValueError:
        pass
    rows = gevent_socket.getaddrinfo(target.host, target.port, 0, SOCK_STREAM)
    family, *_, address = min(rows, key=lambda row: row[0] != AF_INET)
    return family, address


def connect(family, address, seconds):
    """Return a socket that is being connected. `transmit` waits for the connection. Raises OSError and RequestError."""
    sock = socket(family, STREAM)
    try:
        code = sock.connect_ex(address)
        if code not in PENDING:
            until = monotonic() + seconds
            while code == errno.EAGAIN and family == AF_UNIX:
                if monotonic() > until:
                    raise RequestError("timeout", "the backlog stays full")
                gevent.sleep(UNIX_RETRY_S)
                code = sock.connect_ex(address)
            if code not in PENDING:
                raise OSError(code, errno.errorcode.get(code, "connect"))
    except BaseException:
        sock.close()
        raise
    return sock


def secure(sock, context, name, poller, seconds):
    """Return a TLS socket that takes the place of `sock`, after the handshake. Raises OSError and RequestError."""
    poller.wait(sock, WRITE, seconds)
    code = sock.getsockopt(SOL_SOCKET, SO_ERROR)
    if code:
        raise OSError(code, errno.errorcode.get(code, "connect"))
    plain = gevent_socket.socket(sock.family, SOCK_STREAM, 0, fileno=sock.detach())
    plain.setblocking(False)
    try:
        tls = context.wrap_socket(plain, server_hostname=name, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        while True:
            try:
                tls.do_handshake()
                return tls
            except ssl.SSLWantReadError:
                poller.wait(tls, READ, seconds)
            except ssl.SSLWantWriteError:
                poller.wait(tls, WRITE, seconds)
    except BaseException:
        tls.close()
        raise


def transmit(sock, data, poller, connecting_s, seconds):
    """Send all bytes. Raises OSError and RequestError."""
    try:
        sent = sock.send(data)
    except WOULD_BLOCK:
        poller.wait(sock, WRITE, connecting_s)
        sent = 0
    if sent == len(data):
        return
    rest = memoryview(data)[sent:]
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except WOULD_BLOCK:
            poller.wait(sock, WRITE, seconds)


def receiver(sock, tls, poller, seconds):
    """Return a `read` for `read_answer`: it returns the next bytes, and b"" at the end."""

    def read():
        if not tls:  # a quick server has answered when the turn ends, so epoll is not needed
            poller.turn()
        while True:
            try:
                return sock.recv(RECEIVE)
            except (BlockingIOError, ssl.SSLWantReadError):
                poller.wait(sock, READ, seconds)
            except ssl.SSLWantWriteError:
                poller.wait(sock, WRITE, seconds)
            except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
                return b""

    return read


ERRNO_WORDS = {
    errno.ECONNREFUSED: "refused",
    errno.ENOENT: "refused",  # a unix socket that does not exist
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
}


def word_of(error):
    """Return the word of `records.REQUEST_ERRORS` for an OSError of a socket."""
    if isinstance(error, ssl.SSLEOFError):
        return "closed"
    if isinstance(error, ssl.SSLError):
        return "other" if isinstance(error, ssl.SSLCertVerificationError) else "malformed"
    return ERRNO_WORDS.get(error.errno, "other")
