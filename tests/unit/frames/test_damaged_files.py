"""Damaged results: every reader says what is wrong, goes on with the rest, and changes no file."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from damaged_reports import READERS, REPORTS, faults
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st


@given(seed=st.integers(0, 2**32))
@example(23435)  # a Parquet type that pyarrow does not implement
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_is_read_in_words(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert faults(Path(folder), seed, READERS) == []


@pytest.mark.parametrize("seed", range(2))
def test_a_report_of_a_damaged_file(tmp_path: Path, seed: int) -> None:
    assert faults(tmp_path, seed, REPORTS) == []
