"""Any form of the web UI: a sentence for each wrong value, and no exception."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._form import errors

CATALOGUE = {
    "stacks": {"threads": "threads on"},
    "versions": ["py312-2.0.26"],
    "limits": {"users": [1, 10_000], "workers": [1, 512], "max_requests": [1, 1_000_000], "threads": [1, 1024]},
}
FIELDS = ("stack", "version", "workers", "max_requests", "threads", "user_count", "spawn_rate")
TEXTS = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.integers(1, 5000).map(lambda digits: "9" * digits),
)


@given(st.dictionaries(st.sampled_from(FIELDS), TEXTS))
@settings(deadline=None)
def test_any_form_gets_sentences(form: dict[str, str]) -> None:
    assert all(isinstance(sentence, str) and sentence for sentence in errors(form, CATALOGUE))
