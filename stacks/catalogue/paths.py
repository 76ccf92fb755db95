"""The places of the catalogue's files in this clone."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STACKS = ROOT / "stacks"
APPS = STACKS / "apps"
SCENARIOS = ROOT / "locustfiles"
SHARED = ("common.ini", "base.ini")  # the ini files that stacks include, and that are no stacks themselves
PACK_SECTION = "pack"  # the section of a stack's ini file that uWSGI does not read
