"""`python -m analysis compare A B`: which cells stand for each other, when B is worse, and the files."""

import json
import shutil

import numpy as np
import pytest
from check_builders import HEALTHY, HUNG, findings, recycled
from contract import problems
from html_page import Page
from results_builder import Builder, hanging, recovering, typical

from analysis.__main__ import main
from analysis.reports import comparison
from analysis.reports.comparison import match
from analysis.statistics import ratio
from stacks.check.check_result import CheckResult
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.lifecycle.records import RecordError


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A campaign in which a stack hangs at the old version and recovers at the new one."""
    return typical(tmp_path_factory.mktemp("compare") / "campaign")


def test_a_version_that_hangs_is_worse_than_one_that_recovers(both, tmp_path, capsys):
    code = main(["compare", f"{both}@py312-2.0.30.post1", f"{both}@py312-2.0.26", "--output", str(tmp_path)])
    text = capsys.readouterr().out
    assert code == 3
    assert text.startswith("B is worse than A by more than the margin of 5 % in 1 of 1 pair of cells: threads x py312")
    assert "recovers -> hung_worker" in text
    assert "WORSE hang rate: 0.0 % -> 100.0 %" in text
    value = json.loads((tmp_path / "compare.json").read_text())
    assert problems("compare", value) == []
    assert value["is_worse"] is value["pairs"][0]["is_worse"] is True
    page = Page((tmp_path / "compare.html").read_text())
    assert page.named("script") == page.named("link") == []
    assert "X worse" in page.words


def test_the_upgrade_is_not_worse_and_neither_is_a_campaign_than_itself(both, capsys):
    assert main(["compare", f"{both}@py312-2.0.26", f"{both}@py312-2.0.30.post1"]) == 0
    assert (both / "compare.json").exists()
    assert main(["compare", str(both), str(both)]) == 0
    assert "B is not shown to be worse" in capsys.readouterr().out


def test_cells_are_never_matched_by_a_guess(both, tmp_path):
    cells = comparison._cells(str(both))
    assert [(left.name, right.name) for left, right in match(cells, cells)] == [(c.name, c.name) for c in cells]
    old = [cell for cell in cells if cell.version in ("py312-2.0.26", "py311-2.0.26")]
    new = [cell for cell in cells if cell.version == "py312-2.0.30.post1" and cell.stack == "threads"]
    assert [(left.version, right.version) for left, right in match(old, new)] == [
        ("py312-2.0.26", "py312-2.0.30.post1")
    ]
    assert match([cell for cell in cells if cell.stack == "threads-lazy"], new) == []


def test_a_broken_verdict_is_worse_although_no_interval_says_so(tmp_path):
    paths = []
    for name, verdict, story in (("a", "recovers", recovering()), ("b", "hung_worker", hanging(1))):
        builder = Builder(tmp_path / name)
        builder.cell("threads", "py312-2.0.26")
        builder.run(verdict, story)
        paths.append(str(builder.write()))
    results = comparison.compare(*paths, margin=0.5)
    assert results.is_worse
    assert (results.pairs[0].verdict_before, results.pairs[0].verdict_after) == ("recovers", "hung_worker")


def test_what_cannot_be_compared_is_a_sentence(both, tmp_path, capsys):
    check = tmp_path / "check"
    check.mkdir()
    (check / "check.json").write_text(
        json.dumps({"schema": 1, "status": "failed", "verdict": None, "error": "no uwsgi"})
    )
    assert main(["compare", str(both), str(check)]) == 1
    assert main(["compare", str(check), str(check)]) == 1
    assert main(["compare", str(both), str(tmp_path / "nowhere")]) == 1
    assert main(["compare", str(both), str(both), "--margin", "much"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 4
    shutil.rmtree(check)


def test_checks_are_compared_by_their_hang_rate(tmp_path):
    for name, run in (("a", HEALTHY), ("b", HUNG)):
        (tmp_path / name).mkdir()
        CheckResult(findings(run), NeutralConfiguration(), [recycled(run)], [], tmp_path / name, 9.0).write(None, None)
    results = comparison.compare(str(tmp_path / "a"), str(tmp_path / "b"), 0.05)
    assert [difference.is_worse for difference in results.pairs[0].differences] == [True, False, False]
    assert not comparison.compare(str(tmp_path / "b"), str(tmp_path / "a"), 0.05).is_worse


def test_the_ratio_of_unpaired_runs_is_welchs():
    from scipy.stats import ttest_ind

    left, right = [100.0, 104.0, 98.0, 101.0], [90.0, 95.0, 85.0]
    found = ratio.unpaired(left, right)
    reference = ttest_ind(np.log(right), np.log(left), equal_var=False)
    low, high = np.exp(reference.confidence_interval(0.95))
    assert (found.low, found.high, found.p) == pytest.approx((low, high, reference.pvalue), rel=1e-9)
    assert ratio.unpaired([100.0], right) is None
    assert ratio.unpaired([100.0, 0.0], right) is None
    assert ratio.unpaired([1.0, 1.0], [2.0, 2.0]).ratio == pytest.approx(2)


def test_two_results_without_a_common_stack_are_refused(both, tmp_path):
    builder = Builder(tmp_path / "other")
    builder.cell("plain", "py312-2.0.26")
    builder.run("recovers", recovering())
    with pytest.raises(RecordError, match="no stack in common"):
        comparison.compare(str(both), str(builder.write()), 0.05)
