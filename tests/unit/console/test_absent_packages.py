"""Packages that look as if they were not installed, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from stacks.catalogue import ROOT

SHOW = "import sys; print(*(name for name, module in sys.modules.items() if module))"


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_an_import_fails_unless_it_came_before() -> None:
    said = run(
        "import json\n"
        "from stacks.console.absent_packages import hide\n"
        "hide('json', 'csv')\n"
        "import json\n"
        "try:\n    import csv\nexcept ModuleNotFoundError:\n    print('absent')\n"
    )
    assert said == "absent\n"


@pytest.mark.parametrize(
    ("imports", "absent"),
    [
        ("import stacks.run.preload", {"numpy", "pandas"}),
        (
            "import stacks.__main__ as m; m.main = lambda: 0; m.command()\n"
            "import pyarrow; pyarrow.array([1, None, 2.5])",
            {"numpy", "pandas"},
        ),
        (
            "import analysis.__main__ as m; m.main = lambda: 0; m.command()\nimport pandas, duckdb",
            {"pyarrow"},
        ),
    ],
    ids=["the process of a run", "the other commands", "the analysis"],
)
def test_what_a_process_does_not_load(imports: str, absent: set[str]) -> None:
    """The packages are installed here."""
    assert not absent & set(run(f"{imports}\n{SHOW}").split())
