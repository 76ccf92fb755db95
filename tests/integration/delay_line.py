"""Forwards the packets between two network interfaces, and delays and loses those of one direction.

`python -m tests.integration.delay_line FROM TO DELAY_MS LOSS_PERCENT` does to the packets that FROM receives what
`tc netem` does, for a kernel without netem. Packets from TO pass at once. It prints a line when it forwards, and runs
until it is killed.
"""

from __future__ import annotations

import random
import select
import socket
import sys
import time
from collections import deque

# linux/if_packet.h. The header of virtio_net.h before each packet keeps its offloads, such as a checksum still to do.
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 3
MOST_BYTES = 1 << 17  # of a packet that the receiver's interface is to cut into pieces


def interface(name: str) -> socket.socket:
    """Return a socket that receives and sends whole packets of an interface."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    for option in (PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING):
        packets.setsockopt(SOL_PACKET, option, 1)
    packets.bind((name, 0))
    return packets


def forward(source: socket.socket, target: socket.socket, delay_s: float, loss: float) -> None:
    """Forward both ways, for ever. A packet that cannot be sent now is lost: an interface may be down."""
    chance = random.Random(1)
    waiting: deque[tuple[float, bytes]] = deque()  # when each packet is due
    while True:
        wait_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([source, target], [], [], wait_s)
        if target in readable:
            _pass(source, _packet(target))
        if source in readable and (packet := _packet(source)) and chance.random() >= loss:
            waiting.append((time.monotonic() + delay_s, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _pass(target, waiting.popleft()[1])


def _packet(source: socket.socket) -> bytes:
    try:
        return source.recv(MOST_BYTES)
    except OSError:
        return b""


def _pass(target: socket.socket, packet: bytes) -> None:
    try:
        target.send(packet)
    except OSError:
        pass


if __name__ == "__main__":
    here, there, delay_ms, loss_percent = sys.argv[1:]
    sockets = [interface(name) for name in (here, there)]
    print("forwards", flush=True)
    forward(*sockets, float(delay_ms) / 1000, float(loss_percent) / 100)
