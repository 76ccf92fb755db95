"""A server that answers or fails as the path of a request says. It is a program, so that gevent does not patch it.

`python tiny_server.py DIRECTORY` prints one line of JSON with its ports. It ends when its standard input ends.
`--freeze 0.4 --every 2` stops it for 0.4 s every 2 s, from the first request on. `/count` returns the number of
requests that it has taken on other paths, and how many of them hang.
"""

import argparse
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path

ANSWERS = {
    "/": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-Worker: 2/345\r\n\r\nok\n",
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n"
    b"A\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
    "/unframed": b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "/continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/500": b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno",
    "/closed": b"",
    "/truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok",
    "/truncated-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "/truncated-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
    "/malformed": b"SSH-2.0-OpenSSH\r\n",
    "/malformed-length": b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nok\n",
    "/malformed-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
    "/json": b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Type: application/json\r\n\r\n{"a":"b"}',
}
NEVER_S = 60.0
RST = struct.pack("ii", 1, 0)  # SO_LINGER with 0 s: close sends a reset


class Server:
    """Listens on several sockets, and counts its answers."""

    def __init__(self, freeze_s, every_s):
        self.count, self.hanging, self.lock, self.began = 0, 0, threading.Lock(), None
        self.freeze_s, self.every_s = freeze_s, every_s

    def freeze(self):
        if self.freeze_s:
            self.began = self.began or time.monotonic()
            phase = (time.monotonic() - self.began) % self.every_s
            time.sleep(max(0.0, self.freeze_s - phase))

    def listen(self, family, address, converse, context=None):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen(1024)

        def serve(sock):
            try:
                converse(context.wrap_socket(sock, server_side=True) if context else sock)
            except (OSError, ssl.SSLError):
                pass
            finally:
                sock.close()

        def accept():
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=serve, args=[sock], daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return listener.getsockname()

    def http(self, sock):
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return sock.close()
                data += more
            head, _, data = data.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(fields.get("content-length", 0))
            while path != "/early" and len(data) < length:
                data += sock.recv(1 << 20)
            body, data = data[:length], data[length:]
            self.freeze()
            with self.lock:
                self.count += path != "/count"
                self.hanging += path == "/hang"
            if not self.answer(sock, method, path, fields, body):
                return sock.close()

    def answer(self, sock, method, path, fields, body):
        """Send the answer. Return True if the connection stays open."""
        if path == "/hang":
            time.sleep(NEVER_S)
        elif path == "/reset" or path == "/reset-late":
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok" if path == "/reset-late" else b"")
            time.sleep(0.05)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
        elif path == "/early":
            sock.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        elif path == "/drip":
            for byte in ANSWERS["/"]:
                sock.sendall(bytes([byte]))
                time.sleep(0.002)
        elif path.startswith("/big/"):
            size = int(path[5:])
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            sock.sendall(bytes(size))
        elif path in ("/count", "/echo", "/keep"):
            port = sock.getpeername()[1] if sock.family != socket.AF_UNIX else 0
            echo = {"method": method, "fields": fields, "body": body.decode("latin-1"), "port": port}
            text = json.dumps([self.count, self.hanging] if path == "/count" else echo).encode()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            # Other paths close without an announcement. A POST fails then, because no client may repeat it (RFC 9110).
            return fields.get("connection") != "close"
        else:
            answer = ANSWERS.get(path.partition("?")[0], b"HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n")
            sock.sendall(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else answer)
        return False

    def uwsgi(self, sock):
        """Answer with the content of the packet as JSON."""
        modifier1, size, modifier2 = struct.unpack("<BHB", sock.recv(4, socket.MSG_WAITALL))
        packet, texts = sock.recv(size, socket.MSG_WAITALL), []
        while packet:
            length = struct.unpack_from("<H", packet)[0]
            texts.append(packet[2 : 2 + length].decode("latin-1"))
            packet = packet[2 + length :]
        variables = dict(zip(texts[::2], texts[1::2], strict=True))
        body = sock.recv(int(variables.get("CONTENT_LENGTH", 0)), socket.MSG_WAITALL).decode("latin-1")
        text = json.dumps({"modifiers": [modifier1, modifier2], "variables": variables, "body": body}).encode()
        sock.sendall(b"HTTP/1.1 200 OK\r\nX-Worker: 1/99\r\n\r\n" + text)
        sock.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--freeze", type=float, default=0.0)
    parser.add_argument("--every", type=float, default=2.0)
    options = parser.parse_args()
    server = Server(options.freeze, options.every)
    where = {
        "http": server.listen(socket.AF_INET, ("127.0.0.1", 0), server.http)[1],
        "uwsgi": server.listen(socket.AF_INET, ("127.0.0.1", 0), server.uwsgi)[1],
        "unix": server.listen(socket.AF_UNIX, str(options.directory / "http.sock"), server.http),
    }
    certificate = options.directory / "tls.pem"
    if certificate.exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        where["tls"] = server.listen(socket.AF_INET, ("127.0.0.1", 0), server.http, context)[1]
    print(json.dumps(where), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
