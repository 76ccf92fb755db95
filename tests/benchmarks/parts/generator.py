"""Compares the request rates of FastUser, FastHttpUser, HttpUser and wrk (tests/benchmarks/generator.py)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from stacks import catalogue
from tests.benchmarks.bench_result import FOLDER, Number, Skipped

WHAT = "requests/s of FastUser, beside FastHttpUser, HttpUser and wrk"
SCRIPT = Path(__file__).parents[1] / "generator.py"
OUT = FOLDER / "generator_slices.json"


def measure(*, quick: bool) -> list[Number]:
    """Run the script, which alternates slices of 2 s, and take its ratios."""
    if quick:
        raise Skipped("it needs a quiet machine for minutes")
    command = [sys.executable, str(SCRIPT)]
    subprocess.run(command, cwd=catalogue.ROOT, check=True)
    found = json.loads(OUT.read_text(encoding="utf-8"))["ratios"]
    basis = "95 % t interval of the logarithm, slices of one round"
    return [
        Number(name, "ratio", [], row["ratio"], row["low"], row["high"], basis, row["wanted"])
        for name, row in found.items()
    ]
