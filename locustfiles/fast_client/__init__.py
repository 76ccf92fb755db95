"""FastUser, a gevent client for hammering, and OpenModel, which makes its requests begin on a schedule.

Both are loaded on first use, because they import Locust, which patches the process that it is imported in.
"""

from importlib import import_module

MODULES = {"FastUser": "_user", "FastSession": "_user", "OpenModel": "_open_model"}


def __getattr__(name):
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
