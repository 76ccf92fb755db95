"""Variance components against the published dyestuff data."""

import math

import pytest

from analysis.statistics import variance

# Davies, Design and Analysis of Industrial Experiments: yield of dyestuff, 6 batches of 5.
DYESTUFF = [
    [1545, 1440, 1440, 1520, 1580],
    [1540, 1555, 1490, 1560, 1495],
    [1595, 1550, 1605, 1510, 1560],
    [1445, 1440, 1595, 1465, 1545],
    [1595, 1630, 1515, 1635, 1625],
    [1520, 1455, 1450, 1480, 1445],
]


def test_variance_components():
    variances = variance.components(DYESTUFF)
    assert variances.within == pytest.approx(2451.25, abs=0.005)
    assert variances.between == pytest.approx(1764.05, abs=0.005)
    expected = math.ceil(math.sqrt(10 * 2451.25 / 1764.05))
    assert variance.repetitions(variances, cost_of_run=10, cost_of_value=1) == expected
    with pytest.raises(ValueError, match="one long run"):
        variance.repetitions(variance.Components(1.0, -0.1), 1, 1)
