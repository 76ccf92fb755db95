"""stack.ini -> the numbers of a run's configuration; the effective file counts, not what was planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# What uWSGI does where the ini says nothing: core/init.c, core/uwsgi.c.
DEFAULTS = {"processes": 1, "threads": 1, "max-requests": 0, "max-requests-delta": 0, "min-worker-lifetime": 10}
DEFAULTS |= {"listen": 100}
ALIASES = {"workers": "processes", "p": "processes", "l": "listen", "max-request": "max-requests"}
COLUMNS = {
    "workers": "processes",
    "threads": "threads",
    "max_requests": "max-requests",
    "max_requests_delta": "max-requests-delta",
    "min_worker_lifetime_s": "min-worker-lifetime",
    "listen_backlog": "listen",
}
FALSE = ("false", "0", "no", "off")


def read_settings(path: Path) -> dict[str, Any]:
    """The columns of a run; None for each where the file is missing or a value is no number."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return dict.fromkeys([*COLUMNS, "lazy_apps"])
    values: dict[str, Any] = dict(DEFAULTS)
    lazy, ours = False, False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            ours = line.startswith("[uwsgi]")
        elif ours and line and line[0] not in "#;":
            key, _, value = (part.strip() for part in line.partition("="))
            key = ALIASES.get(key, key)
            if key in DEFAULTS:
                values[key] = int(value) if value.isdigit() else None
            elif key in ("lazy-apps", "lazy"):
                lazy = value.lower() not in FALSE
    return {column: values[key] for column, key in COLUMNS.items()} | {"lazy_apps": lazy}
