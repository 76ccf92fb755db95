"""Which cells of a campaign are shown beside each other."""

import pytest

from analysis.reports.cell_pairs import choose_pairs


def entry(stack, version, verdict, python="3.12"):
    names = {"stack": stack, "version": f"py{python}-{version}", "package_version": version, "python": python}
    return names | {"package": "pyuwsgi", "verdict": verdict}


def names(pairs):
    return [[(e["stack"], e["package_version"], e["python"]) for e in (p.hung, p.recovering)] for p in pairs]


def test_one_pair_shows_the_upgrade_and_one_the_other_stack():
    cells = [
        entry("threads", "2.0.26", "hung_worker"),
        entry("threads-lazy", "2.0.26", "hung_worker"),
        entry("plain", "2.0.26", "recovers"),
        entry("threads", "2.0.27.post1", "recovers"),
        entry("threads", "2.0.30.post1", "recovers"),
        entry("threads", "2.0.30.post1", "recovers", python="3.11"),
        entry("thread-at-fork", "2.0.30.post1", "hung_worker"),
        entry("thread-at-fork-lazy", "2.0.30.post1", "recovers"),
    ]
    pairs = choose_pairs(cells)
    assert names(pairs) == [
        [("threads", "2.0.26", "3.12"), ("threads", "2.0.30.post1", "3.12")],
        [("thread-at-fork", "2.0.30.post1", "3.12"), ("thread-at-fork-lazy", "2.0.30.post1", "3.12")],
    ]
    assert [pair.is_upgrade for pair in pairs] == [True, False]


def test_the_newest_release_that_hangs_is_chosen():
    cells = [entry("threads", v, "hung_worker") for v in ("2.0.9", "2.0.26")]
    assert names(choose_pairs([*cells, entry("threads", "2.0.30.post1", "recovers")])) == [
        [("threads", "2.0.26", "3.12"), ("threads", "2.0.30.post1", "3.12")]
    ]


@pytest.mark.parametrize("verdict", ["recovers", "hung_worker", "invalid", None])
def test_without_both_verdicts_there_is_no_pair(verdict):
    assert choose_pairs([entry("threads", "2.0.26", verdict), entry("plain", "2.0.26", verdict)]) == []


def test_cells_with_another_stack_and_another_version_are_no_pair():
    cells = [entry("threads", "2.0.26", "hung_worker"), entry("plain", "2.0.30.post1", "recovers")]
    assert choose_pairs(cells) == []
