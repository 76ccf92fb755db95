"""Writes JUnit XML as the reporters of GitLab, Jenkins and GitHub read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

# The control characters that XML 1.0 cannot contain.
CONTROL_CHARACTERS = dict.fromkeys((*range(9), 11, 12, *range(14, 32)), "?")


@dataclass(frozen=True)
class Case:
    """One test case of the report."""

    name: str
    failure: str | None = None  # the case has a verdict, and it is bad
    error: str | None = None  # the case has no verdict
    skipped: str | None = None  # the case could not be judged, for a reason that another case tells


def write_junit(path: Path, cases: list[Case], seconds: float, output: str) -> None:
    """Write the test cases and the `output` for people. Every case gets the duration of the whole check."""
    suite = ElementTree.Element(
        "testsuite",
        name="uwsgi-respawn-pack check",
        tests=str(len(cases)),
        failures=str(sum(case.failure is not None for case in cases)),
        errors=str(sum(case.error is not None for case in cases)),
        skipped=str(sum(case.skipped is not None for case in cases)),
        time=f"{seconds:.1f}",
    )
    for case in cases:
        element = ElementTree.SubElement(suite, "testcase", classname="check", name=case.name, time=f"{seconds:.1f}")
        for tag, text in (("failure", case.failure), ("error", case.error), ("skipped", case.skipped)):
            if text is not None:
                first_line = text.splitlines()[0] if text else ""
                message = first_line.translate(CONTROL_CHARACTERS)
                ElementTree.SubElement(element, tag, message=message).text = text.translate(CONTROL_CHARACTERS)
    ElementTree.SubElement(suite, "system-out").text = output.translate(CONTROL_CHARACTERS)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
