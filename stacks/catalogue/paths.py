"""Where the files of the catalogue lie in this clone."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STACKS = ROOT / "stacks"
APPS = STACKS / "apps"
SCENARIOS = ROOT / "locustfiles"
SHARED = ("common.ini", "base.ini")  # included by stacks, and none themselves
PACK_SECTION = "pack"
