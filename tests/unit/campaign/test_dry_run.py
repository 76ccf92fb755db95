"""`matrix --dry-run`: it tells which version has no wheel, and how long the runs take."""

from __future__ import annotations

from stacks.campaign.dry_run import describe
from stacks.campaign.matrix import matrix_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import load


def test_each_version_has_its_source_or_obstacle_and_the_time_is_estimated() -> None:
    versions = "py312-2.0.26,py313-2.0.26,py314-2.0.30.post1,py312-uwsgi-2.0.26"
    plan, cells, _ = matrix_plan(load(), PlanOptions(stack="threads", version=versions))
    text = describe(
        cells,
        plan.trials,
        None,
        has_wheel=lambda python, package, pin: (python, pin) != ("3.13", "2.0.26"),
        is_there=lambda python: python != "3.14",
    )
    lines = [line.split(None, 1) for line in text.splitlines()]
    assert ["py313-2.0.26", "no wheel"] in lines
    assert ["py312-2.0.26", "wheel"] in lines
    assert ["py312-uwsgi-2.0.26", "from source"] in lines
    assert ["py314-2.0.30.post1", "Python 3.14 is not installed; the run asks uv for it"] in lines
    assert text.splitlines()[-1].startswith(
        "4 cells, 1 of them without a wheel; 3 runs of about 3.2 s: about 1 minutes"
    )
