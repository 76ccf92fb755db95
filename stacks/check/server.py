"""Which uWSGI somebody has: pyuwsgi from a wheel or the standalone binary, on which Python, and what its app starts."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.catalogue import venvs
from stacks.catalogue.bounded_command import run_bounded
from stacks.check.effective import Options

LIMIT_S = 20.0
HEAD_BYTES = 4096
_PYTHON = re.compile(r"^Python version: (\d+\.\d+\.\d+\S*)", re.MULTILINE)
# Import the app as uWSGI does, and say which threads run then; a thread's _target is gone once it has ended.
NAMES = """
import importlib, importlib.util, json, os, sys, threading
asked = json.loads(sys.argv[1])
os.chdir(asked["directory"])
sys.path[:0] = asked["path"] + [os.getcwd()]
os.environ.update(asked["environment"])
for file in asked["files"]:
    spec = importlib.util.spec_from_file_location("pack_app", file)
    module = sys.modules["pack_app"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
for module in asked["modules"]:
    importlib.import_module(module)
def name(thread):
    target = getattr(thread, "_target", None) or type(thread).run
    return f"{thread.name} ({target.__module__}.{getattr(target, '__qualname__', '?')})"
print("\\n" + json.dumps([name(t) for t in threading.enumerate() if t is not threading.main_thread()]), flush=True)
os._exit(0)
"""
SITES = "import json, sys; print(json.dumps([p for p in sys.path if p.endswith(('site-packages', 'dist-packages'))]))"


@dataclass(frozen=True)
class Server:
    """What is known of a uWSGI binary."""

    uwsgi: Path
    version: str  # as --version says
    pin: str | None  # of the pyuwsgi that it is a script of
    python: str | None  # 3.12.1
    interpreter: Path | None

    @property
    def minor(self) -> str:
        """3.12, or '' where the Python is not known."""
        return ".".join((self.python or "").split(".")[:2])

    def describe(self) -> str:
        """A few words for people."""
        what = f"pyuwsgi {self.pin}" if self.pin else f"uWSGI {self.version}"
        return f"{what} on Python {self.python or '(not said)'}"


def look(uwsgi: Path, version: str, log: str) -> Server:
    """Read the binary's head, ask its interpreter, take the rest from its log."""
    with uwsgi.open("rb") as file:
        head = file.read(HEAD_BYTES)
    said = _PYTHON.search(log)
    python = said[1] if said else None
    if head.startswith(b"#!") and b"pyuwsgi" in head:
        interpreter = Path(head.splitlines()[0][2:].decode(errors="replace").strip().split(" ")[0])
        try:
            done = run_bounded([interpreter, "-I", "-c", venvs.INSPECT_CODE, "pyuwsgi"], LIMIT_S)
            full, pin = json.loads(done.stdout)
            return Server(uwsgi, version, pin, full, interpreter)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return Server(uwsgi, version, version, python, interpreter)
    beside = uwsgi.parent / "python"  # a standalone binary that pip has put into a venv
    return Server(uwsgi, version, None, python, beside if beside.exists() else None)


def interpreter_of(server: Server, options: Options) -> Path | None:
    """The Python that the app's packages are installed for."""
    for key, value in options:
        if key in ("virtualenv", "venv", "home", "pyhome") and (Path(value) / "bin" / "python").exists():
            return Path(value) / "bin" / "python"
    return server.interpreter


def threads_at_import(
    server: Server, options: Options, directory: Path, environment: Mapping[str, str]
) -> list[str] | None:
    """Names of the Python threads that importing the app starts, or None where it cannot be imported outside uWSGI."""
    interpreter = interpreter_of(server, options)
    if interpreter is None:
        return None
    values: dict[str, list[str]] = {}
    for key, value in options:
        values.setdefault(key, []).append(value)
    base = directory / values.get("chdir", ["."])[-1]
    mounted = [value.partition("=")[2].partition(":")[0] for value in values.get("mount", [])]
    loaded = [v.partition(":")[0] for key in ("module", "wsgi", "wsgi-file", "file") for v in values.get(key, [])]
    apps = [
        *loaded,
        *mounted,
        *(v for k in ("shared-import", "import", "pyimport", "py-import") for v in values.get(k, [])),
    ]
    asked = {
        "directory": str(base),
        "path": [p for k in ("pythonpath", "python-path", "pp") for p in values.get(k, [])],
        "environment": dict(v.split("=", 1) for v in values.get("env", []) if "=" in v),
        "files": [str(base / app) for app in apps if app.endswith(".py") or "/" in app],
        "modules": [app for app in apps if not app.endswith(".py") and "/" not in app],
    }
    try:
        done = subprocess.run(
            [interpreter, "-c", NAMES, json.dumps(asked)],
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


def upgraded(server: Server, pin: str, options: Options, scratch: Path) -> Path:
    """The uwsgi of a new pyuwsgi in a scratch venv that sees the packages of theirs. Raises venvs.VenvError."""
    venv = venvs.ensure(server.minor, "pyuwsgi", pin, venvs=scratch)
    theirs = interpreter_of(server, options)
    if theirs is not None:
        done = run_bounded([theirs, "-c", SITES], LIMIT_S)
        lines = [f"import site; site.addsitedir({folder!r})" for folder in json.loads(done.stdout)]
        own = next((venv.path / "lib").glob("python3*/site-packages"))
        (own / "theirs.pth").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return venv.uwsgi
