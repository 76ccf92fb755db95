"""Change points of throughput, and recoveries after an event."""

import pandas as pd

from analysis.statistics import recovery


def seconds(rates: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"t_s": range(len(rates)), "bin_s": 1.0, "answered_rps": rates})


def test_change_point_of_the_nile():
    """The annual flow of the Nile fell in 1899, index 28 of the series."""
    from statsmodels.datasets import nile

    assert recovery.change_points(nile.load_pandas().data["volume"].to_numpy())[:1] == [28]
    assert recovery.change_points([5.0] * 3) == []


def test_recovery_needs_five_good_bins_in_a_row():
    rates = [100.0] * 10 + [20, 100, 20, 96, 97, 99, 100, 100, 100]
    [result] = recovery.recoveries(seconds(rates), [10.0])
    assert (result.took_s, result.seen) == (3.0, True)


def test_a_recovery_that_was_not_seen_is_censored():
    [result] = recovery.recoveries(seconds([100.0] * 5 + [0.0] * 5), [5.0, 6.0])
    assert (result.took_s, result.seen) == (5.0, False)
