"""The advice about workers that crash while they leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from check_builders import HEALTHY, findings

from stacks import catalogue
from stacks.check.advice import advise
from stacks.check.exit_crash_advice import crashed_packages, exit_crash_advice
from stacks.lifecycle.records import LOG_FILE

VENV = "/srv/.venv/lib/python3.12/site-packages"
LOG = f"""\
...The work of process 12 is done. Seeya!
!!! uWSGI process 12 got Segmentation Fault !!!
*** backtrace of 12 ***
{VENV}/pyuwsgi.cpython-312-x86_64-linux-gnu.so(uwsgi_backtrace+0x2f) [0x7fc376ca307f]
/lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x7fc37705a050]
{VENV}/fancy/_fancy.abi3.so(stop+0x8) [0x7fc376058261]
{VENV}/other.abi3.so(+0xe21efa) [0x7fc373221efa]
*** end of backtrace ***
"""


def test_workers_that_crash_while_they_leave_are_told_with_their_package(tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).write_text(LOG + LOG)
    run = replace(HEALTHY, directory=str(tmp_path), exit_crashes=20, exits=24)
    advice = advise(findings(run), catalogue.load().defects)
    assert [text for text in advice if text.startswith("20 of 24 workers crashed while they left (in fancy).")]
    assert exit_crash_advice(findings(HEALTHY)) == []


def test_a_backtrace_names_its_innermost_package() -> None:
    assert crashed_packages(LOG) == ["fancy"]
    assert crashed_packages(LOG.replace("fancy/_fancy", "_fancy")) == ["_fancy"]
    assert crashed_packages(LOG.replace(f"{VENV}/fancy", "/usr/lib").replace(f"{VENV}/other", "/usr/lib/other")) == []
