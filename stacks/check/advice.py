"""What a user should change in a configuration, and why: findings -> sentences."""

from __future__ import annotations

from stacks.catalogue import Defect
from stacks.check.diagnosis import Findings
from stacks.check.failure_reasons import explain_slow_recycle
from stacks.check.hang_advice import hang_advice
from stacks.check.loss_advice import loss_advice
from stacks.check.option_advice import option_advice, reload_advice
from stacks.check.stop_advice import stop_advice
from stacks.lifecycle.recycle_time import SLOW_S


def advise(findings: Findings, defects: dict[str, Defect]) -> list[str]:
    """Return the sentences, the most important first. `defects` are those of versions.toml, by name."""
    run, about_reload = findings.measurement, reload_advice(findings)
    return [
        *hang_advice(findings, defects),
        *([explain_slow_recycle(run)] if not run.is_hang and (run.recycle_median_s or 0.0) >= SLOW_S else []),
        *([about_reload] if about_reload else []),
        *stop_advice(findings, defects),
        *loss_advice(findings),
        *option_advice(findings),
    ]
