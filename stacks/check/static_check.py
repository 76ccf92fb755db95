"""`check --static`: what is known of a uWSGI version and its options, without a start of the app. It takes about 1 s.

The user's binary reads the configuration and ends before it acts, as in a whole check. Nothing is measured, so a
configuration without a known defect may hang all the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from stacks.catalogue import Defect
from stacks.catalogue.version_order import is_before
from stacks.check.diagnosis import Findings, hangs_at_every_fork
from stacks.check.effective_configuration import read_effective
from stacks.check.invocation import read_invocation
from stacks.check.measurement import Measurement
from stacks.check.option_advice import option_advice, reload_advice
from stacks.check.options import is_set
from stacks.check.server import identify

NOTHING = Measurement("", "not_measured", "", None, None, 0, 0, 0, None, None, 0)


def static_findings(options: argparse.Namespace, private: Path) -> Findings:
    """Return the findings about the configuration that `options` name, without a measurement. Raise CannotCheck."""
    invocation = read_invocation(options)
    effective = read_effective(invocation, private)
    server = identify(invocation.uwsgi, effective.version, "")
    return Findings(server, effective.options, effective.binary_options, [], NOTHING)


def known_defects(findings: Findings, defects: Mapping[str, Defect]) -> list[str]:
    """Return a sentence for each defect that hangs or crashes every respawn of this version with these options."""
    server, options = findings.server, findings.options
    sentences = []
    if hangs_at_every_fork(server, options):
        defect = defects["thread-state"]
        sentences.append(
            f"{server.describe()}: {defect.what} ({', '.join(defect.upstream)}). Known remedy: {defect.remedy}."
        )
    if is_set(options, "py-call-osafterfork") and not is_before(server.python or "0", "3.13"):
        defect = defects["after-fork-crash"]
        sentences.append(
            f"{server.describe()}: {defect.what} ({', '.join(defect.upstream)}). Known remedy: {defect.remedy}."
        )
    return sentences


def static_text(findings: Findings, defects: list[str]) -> str:
    """Return the result for people."""
    word = "the workers WILL NOT come back" if defects else "no known defect"
    about_reload = reload_advice(findings)
    advice = [*([about_reload] if about_reload else []), *option_advice(findings)]
    lines = [f"{findings.server.describe()}: {word}", *(f"  - {sentence}" for sentence in defects)]
    if advice:
        lines += ["what to change:", *(f"  - {sentence}" for sentence in advice)]
    lines.append("nothing was started: threads that the app starts at import can hang workers of every version")
    return "\n".join(lines)
