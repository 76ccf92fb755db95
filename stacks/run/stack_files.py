"""Writes what uWSGI is started with: stack.ini with its placeholders filled in, and the files that belong to it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from stacks.catalogue import effective_ini, fill, read_ini
from stacks.catalogue.ini import leading_number
from stacks.lifecycle.records import INI_FILE
from stacks.lifecycle.stopping import MERCY_S
from stacks.run.run_directory import PlannedRun


def write(planned: PlannedRun, port: int) -> tuple[Path, dict[str, str]]:
    """Write stack.ini into the run's directory and its further files into the private one.

    Adds the port and the sha256 of the ini and of the app to the record. Returns the path of the ini, and the
    environment for uWSGI.
    """
    record, plan, paths = planned.record, planned.plan, planned.paths
    placeholders = {
        "PACK_PORT": str(port),
        "PACK_APP": str(paths.get("app", "")),
        "PACK_BINARY": str(paths.get("binary") or paths.get("python") or ""),
        "PACK_RUN": str(planned.private),
        "PACK_WORKERS": str(plan["workers"]),
        "PACK_MAX_REQUESTS": str(plan["max_requests"]),
    }
    options = plan.get("options", {})
    lines = effective_ini(paths["ini"], placeholders, options).splitlines(keepends=True)
    lines = [_listening(line, plan, port) for line in lines]
    left_out = record.get("without", ())  # options that this binary does not have
    text = "".join(line for line in lines if line.split(" ")[0] not in left_out)
    ini = planned.directory / INI_FILE
    ini.write_text(text, encoding="utf-8")
    record |= {"port": port, "ini_sha256": hashlib.sha256(text.encode()).hexdigest()}
    if "app" in paths:
        record["app_sha256"] = hashlib.sha256(paths["app"].read_bytes()).hexdigest()
    for file in map(Path, plan.get("files", ())):
        filled_in = _listening(fill(file.read_text(encoding="utf-8"), placeholders), plan, port)
        (planned.private / file.name).write_text(filled_in, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("UWSGI_", "PACK_"))}
    # With the option `env` alone the variables would come too late: pyuwsgi reads its ini when Python runs already, and
    # os.environ has its values.
    environment |= planned.environment
    return ini, environment | dict(pair.split("=", 1) for pair in options.get("env", []))


def _listening(text: str, plan: dict[str, Any], port: int) -> str:
    """Replace the loopback address of the stack's port by the plan's address."""
    return text.replace(f"127.0.0.1:{port}", plan["address"]) if "address" in plan else text


def mercy_s(ini: Path) -> float:
    """Return how many seconds a master waits for a worker that it told to leave, before it kills the worker."""
    return float(leading_number(dict(read_ini(ini)["uwsgi"]).get("worker-reload-mercy", f"{MERCY_S:.0f}")))
