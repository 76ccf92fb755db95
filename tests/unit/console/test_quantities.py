"""Times and shares of command lines."""

from __future__ import annotations

import pytest

from stacks.console.quantities import seconds, share


@pytest.mark.parametrize(
    ("text", "value"), [("200ms", 0.2), ("2s", 2.0), ("2", 2.0), ("1 min", 60.0), ("0.5s", 0.5), (" 0 ", 0.0)]
)
def test_a_time_has_a_unit_or_is_in_seconds(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "fast", "-1", "nan", "2 h", "1e3"])
def test_any_other_time_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^'{text}' is not a time, such as"):
        seconds(text)


@pytest.mark.parametrize(
    ("text", "value"), [("1%", 0.01), ("0.01", 0.01), ("12.5 %", 0.125), ("5", 5.0), ("150%", 1.5)]
)
def test_a_share_is_a_percentage_or_a_number(text: str, value: float) -> None:
    assert share(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "%", "many", "1 percent", "-1%", "inf"])
def test_any_other_share_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match=rf"^'{text}' is not a share, such as"):
        share(text)
