"""What a run starts uWSGI with: the effective stack.ini, the files that go with it, and the environment."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from stacks.catalogue import effective_ini, fill, read_ini
from stacks.lifecycle.records import INI_FILE
from stacks.lifecycle.stopping import MERCY_S


def write(directory: Path, private: Path, record: dict[str, Any], port: int) -> tuple[Path, dict[str, str]]:
    """Write stack.ini into the run's `directory` and its further files into `private`, and note both in `record`.

    Returns the ini's path and the environment for uWSGI.
    """
    plan, paths = record["plan"], record["paths"]
    placeholders = {
        "PACK_PORT": str(port),
        "PACK_APP": paths.get("app", ""),
        "PACK_BINARY": paths.get("binary") or paths.get("python") or "",
        "PACK_RUN": str(private),
        "PACK_WORKERS": str(plan["workers"]),
        "PACK_MAX_REQUESTS": str(plan["max_requests"]),
    }
    options = plan.get("options", {})
    lines = effective_ini(Path(paths["ini"]), placeholders, options).splitlines(keepends=True)
    without = record.get("without", ())  # that this binary does not know
    text = "".join(line for line in lines if line.split(" ")[0] not in without)
    ini = directory / INI_FILE
    ini.write_text(text, encoding="utf-8")
    record |= {"port": port, "ini_sha256": hashlib.sha256(text.encode()).hexdigest()}
    if "app" in paths:
        record["app_sha256"] = hashlib.sha256(Path(paths["app"]).read_bytes()).hexdigest()
    for file in map(Path, plan.get("files", ())):
        (private / file.name).write_text(fill(file.read_text(encoding="utf-8"), placeholders), encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("UWSGI_", "PACK_"))}
    # pyuwsgi reads its ini when Python, and so os.environ, is there already: `env` alone would come too late.
    return ini, environment | dict(pair.split("=", 1) for pair in options.get("env", []))


def mercy_s(ini: Path) -> float:
    """How long a master waits for a worker that it told to leave before it kills it."""
    return float(dict(read_ini(ini)["uwsgi"]).get("worker-reload-mercy", MERCY_S))
