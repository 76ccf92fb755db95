"""FastUser, a fast client for Locust, and OpenModel, which starts requests on a schedule. They import no other room.

Both are loaded on first use: they import Locust, and Locust patches the process that imports it.
"""

from importlib import import_module

MODULES = {"FastUser": "_user", "FastSession": "_user", "OpenModel": "_open_model"}


def __getattr__(name):
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
