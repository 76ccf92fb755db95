"""What a user should change in a configuration, and why: findings -> sentences."""

from __future__ import annotations

from collections.abc import Sequence

from stacks.catalogue import Defect
from stacks.check.diagnosis import Findings
from stacks.check.exit_crash_advice import exit_crash_advice
from stacks.check.hang_advice import hang_advice
from stacks.check.loss_advice import loss_advice
from stacks.check.option_advice import option_advice, reload_advice
from stacks.check.queue_advice import queue_advice
from stacks.check.slow_advice import slow_advice
from stacks.check.stop_advice import stop_advice
from stacks.check.user_advice import user_advice
from stacks.check.ways.taken import TakenWay


def advise(findings: Findings, defects: dict[str, Defect], ways: Sequence[TakenWay] = ()) -> list[str]:
    """Return the sentences, the most important first. `defects` are those of versions.toml, by name."""
    about_reload = reload_advice(findings)
    return [
        *hang_advice(findings, defects),
        *slow_advice(findings),
        *([about_reload] if about_reload else []),
        *stop_advice(findings, defects),
        *loss_advice(findings),
        *exit_crash_advice(findings),
        *queue_advice(findings.options, ways),
        *option_advice(findings),
        *user_advice(findings.options),
    ]
