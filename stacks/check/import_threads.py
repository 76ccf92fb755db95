"""Lists the Python threads that the import of the user's app starts, by importing the app outside uWSGI."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.check.options import Options
from stacks.check.server import Server, app_interpreter

LIMIT_S = 20.0
# Imports the app as uWSGI does, and prints the threads that run then. A thread has no _target once it has ended.
LIST_THREADS_CODE = """
import importlib, importlib.util, json, os, sys, threading
app = json.loads(sys.argv[1])
os.chdir(app["directory"])
sys.path[:0] = app["path"] + [os.getcwd()]
os.environ.update(app["environment"])
for file in app["files"]:
    spec = importlib.util.spec_from_file_location("pack_app", file)
    module = sys.modules["pack_app"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
for module in app["modules"]:
    importlib.import_module(module)
def name(thread):
    target = getattr(thread, "_target", None) or type(thread).run
    return f"{thread.name} ({target.__module__}.{getattr(target, '__qualname__', '?')})"
print("\\n" + json.dumps([name(t) for t in threading.enumerate() if t is not threading.main_thread()]), flush=True)
os._exit(0)
"""


def list_import_threads(
    server: Server, options: Options, directory: Path, environment: Mapping[str, str]
) -> list[str] | None:
    """Return the threads as "NAME (MODULE.FUNCTION)", or None if the app cannot be imported outside uWSGI.

    `options` are the configuration, `directory` and `environment` are those in which the user starts uWSGI.
    """
    interpreter = app_interpreter(server, options)
    if interpreter is None:
        return None
    try:
        done = subprocess.run(
            [interpreter, "-c", LIST_THREADS_CODE, json.dumps(_import_plan(options, directory))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=dict(environment),
            timeout=LIMIT_S,
            check=False,
        )
        names = json.loads(done.stdout.strip().splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        return None
    return [str(name) for name in names]


def _import_plan(options: Options, directory: Path) -> dict[str, Any]:
    """Return the input of LIST_THREADS_CODE: the directory, path, environment, files and modules of the app."""
    values: dict[str, list[str]] = {}
    for key, value in options:
        values.setdefault(key, []).append(value)

    def values_of(*names: str) -> list[str]:
        return [value for name in names for value in values.get(name, [])]

    base = directory / values.get("chdir", ["."])[-1]
    apps = [value.partition(":")[0] for value in values_of("module", "wsgi", "wsgi-file", "file")]
    apps += [value.partition("=")[2].partition(":")[0] for value in values_of("mount")]
    apps += values_of("shared-import", "import", "pyimport", "py-import")
    return {
        "directory": str(base),
        "path": values_of("pythonpath", "python-path", "pp"),
        "environment": dict(value.split("=", 1) for value in values_of("env") if "=" in value),
        "files": [str(base / app) for app in apps if app.endswith(".py") or "/" in app],
        "modules": [app for app in apps if not app.endswith(".py") and "/" not in app],
    }
