"""Quantiles of respawn times that count hung workers as infinite."""

import math

from analysis.statistics import respawn_times


def test_a_quantile_among_the_hung_workers_is_infinite():
    assert respawn_times.quantile([0.5] * 19 + [math.inf], 0.5) == 0.5
    assert respawn_times.quantile([0.5] * 19 + [math.inf], 0.95) == 0.5
    assert respawn_times.quantile([0.5] * 18 + [math.inf] * 2, 0.95) == math.inf
    assert respawn_times.quantile([math.inf] * 4, 0.5) == math.inf


def test_a_quantile_leaves_out_only_respawns_whose_end_was_not_seen():
    assert respawn_times.quantile([0.1, 0.2, math.nan], 0.5) == 0.1
    assert respawn_times.quantile([math.nan], 0.5) is None
    assert respawn_times.quantile([], 0.5) is None
