"""The version axis: a Python, a server package and its exact pin, and ranges of versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from stacks.catalogue.version_order import is_within


@dataclass(frozen=True)
class Version:
    """One point of the version axis."""

    python: str  # 3.12
    package: str  # pyuwsgi or uwsgi
    pin: str  # 2.0.26

    @property
    def id(self) -> str:
        """py312-2.0.26; py312-uwsgi-2.0.26 for another package than pyuwsgi."""
        package = "" if self.package == "pyuwsgi" else f"{self.package}-"
        return f"py{self.python.replace('.', '')}-{package}{self.pin}"


@dataclass(frozen=True)
class Package:
    """A server package in versions.toml: every Python with every pin is a version."""

    pythons: list[str]
    pins: list[str]


class VersionRange(Protocol):
    """An entry that concerns only some versions, as specifiers (PEP 440); '' is every version."""

    @property
    def python(self) -> str: ...
    @property
    def pin(self) -> str: ...


def is_in_range(range_: VersionRange, version: Version) -> bool:
    """Return True if both the Python and the pin of `version` satisfy the specifiers of `range_`."""
    return is_within(version.python, range_.python) and is_within(version.pin, range_.pin)
