"""The user's server: pyuwsgi or a standalone binary, and the threads that the import of the app starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from stacks.check.import_threads import list_import_threads
from stacks.check.server import Server, identify


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("2.0.31", "uWSGI 2.0.31 on Python 3.11.2"),
        ("2.0.21-debian", "uWSGI 2.0.21-debian, the build of the distribution, on Python 3.11.2"),
        ("2.0.31+dfsg", "uWSGI 2.0.31+dfsg, the build of the distribution, on Python 3.11.2"),
    ],
)
def test_a_server_is_named_with_its_build(version: str, name: str) -> None:
    assert Server(Path("/usr/bin/uwsgi"), version, None, "3.11.2", None).describe() == name


def test_a_binary_of_a_distribution_has_the_python_of_its_plugin(tmp_path: Path) -> None:
    binary = tmp_path / "uwsgi"
    binary.write_bytes(b"\x7fELF")
    for name in ("python", "python3.11"):
        (tmp_path / name).touch()
    server = identify(binary, "2.0.21-debian", "Python version: 3.11.2 (main, Apr 28 2025, 14:11:48) [GCC 12.2.0]\n")
    assert server.interpreter == tmp_path / "python3.11"


def test_a_script_of_pyuwsgi_is_told_from_a_binary(tmp_path: Path) -> None:
    script = tmp_path / "uwsgi"
    script.write_text("#!/nowhere/python\nfrom pyuwsgi import run\nrun()\n")
    assert identify(script, "2.0.26", "Python version: 3.12.1 (main)\n") == Server(
        script, "2.0.26", "2.0.26", "3.12.1", Path("/nowhere/python")
    )
    script.write_bytes(b"\x7fELF" + b"\0" * 99)
    binary = identify(script, "2.0.31", "Python version: 3.11.7 (main)\n")
    assert (binary.pin, binary.minor, binary.interpreter) == (None, "3.11", None)
    assert binary.describe() == "uWSGI 2.0.31 on Python 3.11.7"
    log = "Python version: 3.13.5 experimental free-threading build (main, Nov 27 2026)\n"
    assert identify(script, "2.0.31", log).is_free_threaded
    assert identify(script, "2.0.31", log).describe() == "uWSGI 2.0.31 on free-threaded Python 3.13.5"


def test_threads_are_named_with_their_target(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os, threading\ndef work():\n    threading.Event().wait()\n"
        "threading.Thread(target=work, name=os.environ['NAME'], daemon=True).start()\n"
    )
    server = Server(Path("/v/bin/uwsgi"), "2.0.30", "2.0.30", "3.12.1", Path(sys.executable))
    options = [("env", "NAME=exporter"), ("module", "app:application")]
    assert list_import_threads(server, options, tmp_path, os.environ) == ["exporter (app.work)"]
    assert list_import_threads(server, [("module", "missing")], tmp_path, os.environ) is None
