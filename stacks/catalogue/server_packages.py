"""The server packages that the pack can install, and whether the package index has wheels of them."""

from __future__ import annotations

# A package without wheels is built: uwsgi takes 13 s from its sdist on two cores with gcc.
HAS_WHEELS = {"pyuwsgi": True, "uwsgi": False}
INSTALL_S = 600.0  # the time limit of one installation: over 40 times that build, for small machines and slow networks
