"""The builder of a campaign without cells."""

import pytest
from results_builder import Builder


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path / "campaign")
