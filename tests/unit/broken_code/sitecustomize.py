"""Python imports this at its start if its folder is in PYTHONPATH: a function of the pack then raises an error.

BREAK_FUNCTION is MODULE:NAME or MODULE:CLASS.NAME. Every process below gets the variable, so the error is in whichever
of them calls the function. `tests.integration.test_own_faults` uses it.
"""

import importlib.abc
import importlib.util
import os
import sys

WHERE = os.environ.get("BREAK_FUNCTION", "")
MESSAGE = "broken by a test"


class Breaker(importlib.abc.MetaPathFinder):
    """Finds the module as usual, and breaks its function when it has been imported."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def find_spec(self, fullname, path, target=None):
        if fullname != self.module:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        sys.meta_path.insert(0, self)  # Locust and the fork server load some modules once more
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            *parents, last = self.name.split(".")
            holder = module
            for parent in parents:
                holder = getattr(holder, parent)
            setattr(holder, last, fail)

        spec.loader.exec_module = exec_module
        return spec


def fail(*_arguments, **_more):
    raise ValueError(MESSAGE)


if WHERE:
    sys.meta_path.insert(0, Breaker(*WHERE.split(":")))
