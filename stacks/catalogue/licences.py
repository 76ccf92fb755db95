"""The licences of the installed packages, as their metadata tell them (PEP 639, or the older fields).

A package counts as usable by a company if its licence is one of USABLE: permissive, or with a copyleft that ends at its
own files. Everything else is to be looked at by a person, an unknown licence too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions

# The names in metadata differ: `MIT License`, `3-Clause BSD License`, `Apache 2.0`, `Mozilla Public License 2.0`.
USABLE = re.compile(
    r"\b(0BSD|Apache|BSD|CC0|ISCL?|MIT|MPL|Mozilla Public|PSFL?|Python Software Foundation|Unlicense|Zlib|Zope|ZPL)\b",
    re.IGNORECASE,
)
CLASSIFIER = "License :: "
UNKNOWN = ("", "UNKNOWN")
MOST_LETTERS = 60  # a field `License` may hold the whole text; its first line is the name


@dataclass(frozen=True, order=True)
class Licence:
    """The licence of one installed package."""

    package: str
    version: str
    text: str

    @property
    def is_usable(self) -> bool:
        """True if the pack knows that the licence allows commercial use."""
        return is_usable(self.text)


def is_usable(text: str) -> bool:
    """Return True for a licence of USABLE. All parts of an `AND` must be one, and one part of an `OR`."""
    parts = re.split(r" AND ", text.strip("() "))
    return all(any(USABLE.search(choice) for choice in re.split(r" OR ", part)) for part in parts)


def installed(packages: Iterable[Distribution] | None = None) -> list[Licence]:
    """Return the licence of each package of this Python, sorted by name."""
    found = distributions() if packages is None else packages
    return sorted({Licence(one.name, one.version, _text(one)) for one in found}, key=lambda one: one.package.lower())


def _text(package: Distribution) -> str:
    """Return the licence by its newest field: the expression, the classifiers, or the first line of the old field."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classes = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or [] if one.startswith(CLASSIFIER)]
    if classes:
        return ", ".join(classes)
    first_line = metadata["License"].strip().partition("\n")[0] if "License" in metadata else ""
    return "unknown" if first_line in UNKNOWN else first_line[:MOST_LETTERS]
