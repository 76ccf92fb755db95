"""The catalogue: the stacks, versions, apps and scenarios there are, and the interpreters and environments for them.

It may import `stacks.lifecycle`.
"""

from stacks.catalogue.entries import KINDS, Catalogue, Defect, Package, Plan, Stack, UsageError, Version, similar
from stacks.catalogue.ini import effective_ini, fill, read_ini
from stacks.catalogue.paths import APPS, PACK_SECTION, ROOT, SCENARIOS, SHARED, STACKS
from stacks.catalogue.reading import app_names, load, read_strict

__all__ = [
    "APPS",
    "KINDS",
    "PACK_SECTION",
    "ROOT",
    "SCENARIOS",
    "SHARED",
    "STACKS",
    "Catalogue",
    "Defect",
    "Package",
    "Plan",
    "Stack",
    "UsageError",
    "Version",
    "app_names",
    "effective_ini",
    "fill",
    "load",
    "read_ini",
    "read_strict",
    "similar",
]
