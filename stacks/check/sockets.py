"""Moves the sockets of a configuration: one HTTP socket to the port of the load, the others to private unix paths."""

from __future__ import annotations

from pathlib import Path

from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import Options

PORT = "127.0.0.1:$(PACK_PORT)"
HTTP = ("http", "httprouter", "http-socket", "http11-socket")  # the first kind that is there gets the load
SECURE = ("https", "https2", "https-socket", "https-socket-with-client-ca", "suwsgi-socket")
SOCKETS = (
    *("socket", "uwsgi-socket", "puwsgi-socket", "raw-socket", "fastcgi-socket", "fastcgi-nph-socket"),
    *("scgi-socket", "scgi-nph-socket", "shared-socket", "undeferred-shared-socket", *HTTP),
)


def is_socket(option: str) -> bool:
    """Return True if the option opens a socket."""
    return option in SOCKETS or option in SECURE


def move_sockets(neutral: NeutralConfiguration, sockets: Options, private: Path) -> None:
    """Add the user's `sockets` to `neutral`, each with a new address and of the same kind, and choose the front.

    A configuration without an HTTP socket gets one.
    """
    addresses: dict[str, str] = {}  # of the user's, and the replacement
    front = next(((k, v) for kind in HTTP for k, v in sockets if k == kind), None)
    for number, (key, value) in enumerate(sockets):
        if "shared-socket" in key:
            neutral.note(key, value, "", "the check opens each socket where it is used, and shares none")
            continue
        if key in SECURE:
            neutral.note(key, value, "", "the load uses plain HTTP on the loopback address")
            if front is None:
                front = (key, value)
                neutral.options.append(("http", PORT))
                neutral.note("http", "", PORT, f"it replaces {key}: the same router without TLS")
            continue
        is_front = (key, value) == front and PORT not in addresses.values()
        addresses[value] = PORT if is_front else f"{private}/{number}.sock"
        neutral.options.append((key, addresses[value]))
        neutral.note(key, value, addresses[value], "the check does not use your addresses")
    if front is None:
        neutral.options.append(("http-socket", PORT))
        neutral.note("http-socket", "", PORT, "the load uses HTTP, and your sockets use another protocol")
    neutral.front = front[0] if front else "http-socket"
    _follow_moved_sockets(neutral, addresses)


def _follow_moved_sockets(neutral: NeutralConfiguration, addresses: dict[str, str]) -> None:
    """Let the http router forward to the new address of a socket."""
    for index, (key, value) in enumerate(neutral.options):
        replacement = addresses.get(value, value) if key in ("http-to", "http-fallback") else value
        if replacement != value:
            neutral.options[index] = (key, replacement)
            neutral.note(key, value, replacement, "it follows the moved socket")
