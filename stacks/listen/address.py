"""The address on which something of the pack listens, and the names by which browsers may call it.

The text has the form `ADDRESS[,NAME...]`. It comes from `LISTEN=`. Without it, only this machine can connect.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TextIO

LOOPBACK = "127.0.0.1"
RED, PLAIN = "\x1b[1;31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Listening:
    """One IP address to listen on, and the host names that are its own besides `localhost`, in lower case."""

    address: str = LOOPBACK
    names: tuple[str, ...] = ()

    @property
    def is_loopback(self) -> bool:
        """Return True if only processes of this machine can connect."""
        return ip_address(self.address).is_loopback

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def url(self, port: int | str) -> str:
        """Return the URL to open. An address that stands for all interfaces is not one that a browser should open."""
        host = socket.gethostname() if ip_address(self.address).is_unspecified else self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def is_ours(self, name: str) -> bool:
        """Return True if `name`, from the header Host and without its port, means this listener.

        A web page can let its own host name point to this machine (DNS rebinding). It cannot do so with an IP
        address, so every address counts where other machines may connect: behind a container's port or a NAT, the
        address that they use is not one of this machine.
        """
        address = as_ip(name)
        if address is not None:
            return address.is_loopback or not self.is_loopback
        return name == "localhost" or name in self.names

    def warning(self, port: int | str, what_they_can: str) -> str:
        """Return the sentence about a listener that other machines can reach. Return '' for the loopback address."""
        if self.is_loopback:
            return ""
        where = "any address of this machine" if ip_address(self.address).is_unspecified else self.address
        return (
            f"Everyone who can connect to port {port} of {where} can {what_they_can}, without a password. "
            "Without LISTEN=, only this machine can connect."
        )


def as_ip(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address, with or without the brackets of a URL. Return None for anything else."""
    try:
        return ip_address(text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text)
    except ValueError:
        return None


def parse_listening(text: str) -> Listening:
    """Parse `ADDRESS[,NAME...]`. Raises ValueError, whose text is a sentence.

    Where other machines may connect, the name of this machine counts as one of the names.
    """
    first, *names = (part.strip().lower() for part in text.split(","))
    address = as_ip(LOOPBACK if first == "localhost" else first)
    if address is None:
        raise ValueError(
            f"LISTEN={text} is not an address of this machine. Write one such as 0.0.0.0 (every IPv4 address) or ::1, "
            "and after a comma the host names by which browsers call it"
        )
    listening = Listening(str(address), tuple(name for name in names if name))
    if listening.is_loopback:
        return listening
    return Listening(listening.address, (*listening.names, socket.gethostname().lower()))


def print_red(sentence: str, stream: TextIO, no_color: bool) -> None:
    """Print a sentence in red if `stream` is a terminal, and without colour otherwise."""
    is_red = stream.isatty() and not no_color
    print(f"{RED}{sentence}{PLAIN}" if is_red else sentence, file=stream, flush=True)
