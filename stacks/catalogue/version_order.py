"""Compares version texts by their numbers: pins, what `uwsgi --version` prints, and versions of Python.

Such a text is often no version of PEP 440: a distribution adds its own words to uWSGI's version (2.0.21-debian,
2.0.31+dfsg), and a Python before its release ends with rc1+ (3.13.0rc1+). What decides whether a version has a defect
are its numbers, and the number of a post-release (2.0.23.post0), which is a build of its own on the package index.
"""

from __future__ import annotations

import re

from packaging.specifiers import SpecifierSet
from packaging.version import Version

_NUMBERS = re.compile(r"\d+(?:\.\d+)*(?:\.post\d+)?")


def comparable(text: str) -> Version | None:
    """Return the numbers at the beginning of `text` as a version, or None if there are none."""
    match = _NUMBERS.match(text)
    return Version(match[0]) if match else None


def is_before(text: str, limit: str) -> bool:
    """Return True if the version `text` is older than `limit`. A text without numbers is not older."""
    version, other = comparable(text), comparable(limit)
    return version is not None and other is not None and version < other


def is_within(text: str, specifiers: str) -> bool:
    """Return True if the version `text` satisfies the specifiers of PEP 440; '' is satisfied by every version."""
    version = comparable(text)
    return not specifiers or (version is not None and SpecifierSet(specifiers).contains(version))


def build_of(text: str) -> str:
    """Return whose build of uWSGI prints this version: "the build of the distribution", or '' for a release."""
    match = _NUMBERS.match(text)
    words = text[match.end() :] if match else ""
    if not words:
        return ""
    return "a development build" if "dev" in words else "the build of the distribution"
