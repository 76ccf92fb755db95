"""The diagnosis: which defect explains a hang, from the verdict, the version, the options and the threads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, findings

from stacks.check.diagnosis import Findings, likely_defect

STOP = "stop_the_world <- _imp_create_dynamic_impl"  # the evidence in a free-threaded Python


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (findings(HUNG, ("threads", "2")), "thread-state"),
        (findings(replace(HUNG, verdict="hung_master"), ("threads", "2")), "thread-state-in-master"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], pin="2.0.30.post1"), "thread-at-fork"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], pin=None), "thread-at-fork"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], python="3.11.7"), "thread-at-fork"),
        (findings(replace(HUNG, master_threads=2), pin="2.0.30.post1"), "thread-at-fork"),
        (findings(replace(HUNG, verdict="hung_exit"), ("threads", "2"), pin="2.0.23.post0"), "exit-stall"),
        (findings(replace(HUNG, verdict="crash_loop"), ("py-call-osafterfork", "1")), "after-fork-crash"),
        (findings(replace(HUNG, verdict="hung_request"), import_threads=["T"], pin="2.0.30.post1"), "lock-at-fork"),
        (findings(replace(HUNG, verdict="hung_request"), pin="2.0.30.post1"), None),
        (findings(replace(HUNG, evidence=STOP), import_threads=["T"], pin=None), "thread-at-fork"),
        (
            findings(replace(HUNG, evidence=STOP, verdict="hung_request"), import_threads=["T"], pin=None),
            "thread-at-fork",
        ),
        (findings(replace(HUNG, evidence=STOP, verdict="hung_exit"), import_threads=["T"], pin=None), "thread-at-fork"),
        (findings(replace(HUNG, evidence=STOP, verdict="hung_exit"), import_threads=[], pin=None), None),
        (findings(replace(HUNG, verdict="dead_master"), import_threads=["T"]), None),
        (findings(HUNG, pin="2.0.30.post1"), None),
        (findings(HEALTHY, ("threads", "2")), None),
    ],
)
def test_the_defect_follows_from_version_options_and_threads(given: Findings, expected: str | None) -> None:
    assert likely_defect(given) == expected
