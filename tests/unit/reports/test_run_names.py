"""The settings in the names of runs, in words."""

import pytest

from analysis.reports import run_names
from stacks.campaign.capacity_cells import capacity_cells
from stacks.campaign.capacity_options import read_options
from stacks.catalogue import load


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("20261127-225030/work@py312-2.0.30.post1+w8t1m144d24-1", "w8t1m144d24"),
        ("work@py312-2.0.30.post1+w16t4-3", "w16t4"),
        ("work w4t1m86", "w4t1m86"),
        ("threads@py312-2.0.26-1", ""),
        ("threads", ""),
    ],
)
def test_settings_stand_at_the_end_of_a_name(name, settings):
    assert run_names.settings_of(name) == settings


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("w8t1m144d24", "8 workers of 1 thread, max-requests 144, max-requests-delta 24"),
        ("w4t2m86", "4 workers of 2 threads, max-requests 86"),
        ("w1t1", "1 worker of 1 thread, no recycling"),
    ],
)
def test_settings_in_words(settings, words):
    assert run_names.settings_in_words(settings) == words


def test_other_texts_are_refused():
    with pytest.raises(ValueError, match="w8t1m144d24"):
        run_names.settings_in_words("threads")


def test_every_settings_of_several_names_is_explained_once():
    names = ["a+w2t1-1", "a+w2t1-2", "a+w1t1-1", "threads"]
    assert list(run_names.explained(names)) == ["w2t1", "w1t1"]


def test_the_names_that_a_capacity_campaign_gives_are_understood():
    catalogue = load()
    options = read_options(catalogue, {"workers": 8, "threads": 2})
    cells = capacity_cells(catalogue, options, service_s=0.02)
    assert all(run_names.settings_of(f"{cell.name}-1") == cell.variant for cell in cells)
    assert all(run_names.settings_in_words(cell.variant) for cell in cells)
