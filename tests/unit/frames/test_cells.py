"""Cells, the hang rate that they may claim, and comparisons of a hung cell with a fixed one."""

import pytest
from results_builder import typical

from analysis.frames.cells import claim, group_by_cell
from analysis.frames.comparisons import compare_hung_cells
from analysis.frames.results import load


@pytest.fixture
def cells(tmp_path):
    return group_by_cell(load(typical(tmp_path / "a")))


def test_a_hung_cell_is_compared_with_the_newest_version_that_recovers(cells):
    assert [cell.verdict for cell in cells].count("hung_worker") == 2
    [comparison] = compare_hung_cells(cells)
    assert (comparison.unfixed.version, comparison.fixed.version) == ("py312-2.0.26", "py312-2.0.30.post1")
    assert comparison.difference[0] > 0.3
    assert comparison.log_rank.p < 0.05
    assert comparison.means_s[0] > comparison.means_s[1]
    assert comparison.pairs == 2
    assert comparison.throughput.ratio > 1


def test_without_a_hang_the_claim_is_an_upper_limit_and_never_zero(cells):
    claims = {claim(cell.hangs) for cell in cells if cell.verdict == "recovers"}
    assert claims == {"at most 24.2 %, 0 of 12 respawns hung"}
