"""The builder of a campaign with one cell."""

import pytest
from results_builder import Builder


@pytest.fixture
def builder(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    return builder
