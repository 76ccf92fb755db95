"""Change points of throughput, and recoveries after an event."""

import pandas as pd

from analysis.statistics import recovery

# Annual flow of the Nile at Aswan from 1871 to 1970, in 1e8 cubic metres (Cobb, Biometrika 65, 1978, 243-251).
NILE = [
    float(volume)
    for volume in (
        "1120 1160 963 1210 1160 1160 813 1230 1370 1140 995 935 1110 994 1020 960 1180 799 958 1140 "
        "1100 1210 1150 1250 1260 1220 1030 1100 774 840 874 694 940 833 701 916 692 1020 1050 969 "
        "831 726 456 824 702 1120 1100 832 764 821 768 845 864 862 698 845 744 796 1040 759 "
        "781 865 845 944 984 897 822 1010 771 676 649 846 812 742 801 1040 860 874 848 890 "
        "744 749 838 1050 918 986 797 923 975 815 1020 906 901 1170 912 746 919 718 714 740 "
    ).split()
]


def seconds(rates: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"t_s": range(len(rates)), "bin_s": 1.0, "answered_rps": rates})


def test_change_point_of_the_nile():
    """The annual flow of the Nile fell in 1899, index 28 of the series."""
    assert recovery.change_points(NILE)[:1] == [28]
    assert recovery.change_points([5.0] * 3) == []


def test_recovery_needs_five_good_bins_in_a_row():
    rates = [100.0] * 10 + [20, 100, 20, 96, 97, 99, 100, 100, 100]
    [result] = recovery.recoveries(seconds(rates), [10.0])
    assert (result.took_s, result.seen) == (3.0, True)


def test_a_recovery_that_was_not_seen_is_censored():
    [result] = recovery.recoveries(seconds([100.0] * 5 + [0.0] * 5), [5.0, 6.0])
    assert (result.took_s, result.seen) == (5.0, False)
