"""Reads the uWSGI settings of a run from its stack.ini: the effective configuration, not the planned one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# The defaults of uWSGI for options that the ini does not set (core/init.c, core/uwsgi.c).
DEFAULTS = {"processes": 1, "threads": 1, "max-requests": 0, "max-requests-delta": 0, "min-worker-lifetime": 10}
DEFAULTS |= {"listen": 100}
ALIASES = {"workers": "processes", "p": "processes", "l": "listen", "max-request": "max-requests"}
# Column of the runs frame: option of uWSGI.
SETTING_COLUMNS = {
    "workers": "processes",
    "threads": "threads",
    "max_requests": "max-requests",
    "max_requests_delta": "max-requests-delta",
    "min_worker_lifetime_s": "min-worker-lifetime",
    "listen_backlog": "listen",
}
NUMBER = re.compile("[0-9]{1,9}")  # uWSGI holds them in a C int
# Column of the runs frame: options of uWSGI that turn it on.
FLAG_COLUMNS = {
    "lazy_apps": ("lazy-apps", "lazy"),
    "enable_threads": ("enable-threads", "threads"),
    "master": ("master",),
}
FALSE = ("false", "0", "no", "off")


def read_settings(path: Path) -> dict[str, Any]:
    """Return the SETTING_COLUMNS and the FLAG_COLUMNS of a run.

    A value that is not a number is None. All values are None if the file is missing.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return dict.fromkeys([*SETTING_COLUMNS, *FLAG_COLUMNS])
    values: dict[str, Any] = dict(DEFAULTS)
    flags, in_uwsgi_section = dict.fromkeys(FLAG_COLUMNS, False), False
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            in_uwsgi_section = line.startswith("[uwsgi]")
        elif in_uwsgi_section and line and line[0] not in "#;":
            key, _, value = (part.strip() for part in line.partition("="))
            key = ALIASES.get(key, key)
            if key in DEFAULTS:
                values[key] = int(value) if NUMBER.fullmatch(value) else None
            flags |= {column: value.lower() not in FALSE for column, keys in FLAG_COLUMNS.items() if key in keys}
    return {column: values[key] for column, key in SETTING_COLUMNS.items()} | flags
