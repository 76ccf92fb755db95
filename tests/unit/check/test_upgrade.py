"""The upgrade of a trial: it is installed early where a version is known to hang with the user's options."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.check import upgrade
from stacks.check.options import Options
from stacks.check.server import Server

THREADS: Options = [("enable-threads", "true")]


@pytest.mark.parametrize(
    ("pin", "python", "options", "is_installed"),
    [
        ("2.0.26", "3.12.1", THREADS, True),
        ("2.0.26", "3.12.1", [], False),
        ("2.0.26", "3.11.7", THREADS, False),
        ("2.0.30.post1", "3.12.1", THREADS, False),
        (None, "3.12.1", THREADS, False),
    ],
)
def test_the_upgrade_is_prepared_where_the_version_is_known_to_hang(
    pin: str | None,
    python: str,
    options: Options,
    is_installed: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pins: list[str] = []
    server = Server(Path("uwsgi"), pin or "2.0.26", pin, python, None, False)
    monkeypatch.setattr(upgrade, "identify", lambda *_: server)
    monkeypatch.setattr(upgrade, "install_upgrade", lambda _server, pin, *_: pins.append(pin))
    upgrade.prepare_upgrade(Path("uwsgi"), "2.0.26", options, tmp_path).join()
    assert pins == ([upgrade.newest_pyuwsgi()] if is_installed else [])
