"""A scenario for tests whose requests must not fail because the machine is busy."""

from __future__ import annotations

from pathlib import Path

from stacks.catalogue import SCENARIOS

TIMEOUT = "network_timeout = 4.0"


def patient_scenario(folder: Path) -> Path:
    """Write the scenario `steady` into `folder`, with users who wait for a minute. Return its path."""
    text = (SCENARIOS / "steady.py").read_text()
    assert TIMEOUT in text
    path = folder / "steady.py"
    path.write_text(text.replace(TIMEOUT, "network_timeout = 60.0"))
    return path
