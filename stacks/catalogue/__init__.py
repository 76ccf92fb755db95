"""The catalogue: the stacks, versions, apps and scenarios there are, and the interpreters and environments for them.

It may import `stacks.lifecycle`.
"""

from stacks.catalogue.catalogue import Catalogue, Plan
from stacks.catalogue.defect import Defect
from stacks.catalogue.ini import effective_ini, fill, read_ini
from stacks.catalogue.paths import APPS, PACK_SECTION, ROOT, SCENARIOS, SHARED, STACKS
from stacks.catalogue.reader import load
from stacks.catalogue.stack import STACK_KINDS, Stack
from stacks.catalogue.stack_reader import app_names
from stacks.catalogue.strict_rows import read_strict
from stacks.catalogue.usage_error import UsageError, nearby, similar
from stacks.catalogue.version import Package, Version

__all__ = [
    "APPS",
    "PACK_SECTION",
    "ROOT",
    "SCENARIOS",
    "SHARED",
    "STACKS",
    "STACK_KINDS",
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
    "nearby",
    "read_ini",
    "read_strict",
    "similar",
]
