"""Panels of throughput around recycles, and the waves of recycles."""

import numpy as np
import pandas as pd
import pytest

from analysis.figures import recycle_dips, recycle_waves


def panel(rps: list[float], recycles: int = 100) -> recycle_waves.Dip:
    times = np.arange(-recycle_waves.BEFORE_S, recycle_waves.AFTER_S - 0.05, recycle_waves.STEP_S)
    return recycle_waves.Dip("a x b", times, np.array(rps), recycles, False)


def test_panels_tell_when_throughput_was_back():
    level = [100.0] * 40
    assert panel(level).back_s == 0.0
    dip = level[:10] + [0.0] * 8 + level[18:]
    assert panel(dip).back_s == pytest.approx(0.8)
    assert panel(level[:10] + [0.0] * 30).back_s is None
    assert "not back within 3 s" in recycle_dips.alt_text([panel(level[:10] + [0.0] * 30)])


def test_waves_begin_after_quiet():
    begun = pd.DataFrame({"exit_begun_ns": pd.array([10**9, 2 * 10**9, 9 * 10**9, None], dtype="Int64")})
    assert recycle_waves.wave_begins_s(begun, 0) == [1.0, 9.0]
