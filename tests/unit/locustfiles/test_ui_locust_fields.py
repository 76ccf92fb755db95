"""Locust's own fields of the form: a field or a value that Locust would fail with gets a sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._locust_fields import field_errors, user_error

EXTRA: dict[str, Any] = {"workers": 4, "stack": "threads", "pause": 0.5, "sizes": [1, 2], "loud": False, "note": None}
USER = {"user_class_name": "Steady", "host": None, "weight": 1, "fixed_count": 0, "tasks": ["look"]}


@pytest.mark.parametrize("run_time", ["", "20", "90s", "3m", "1h20m", "3h30m10s"])
def test_a_form_of_the_page_has_no_errors(run_time: str) -> None:
    form = {"user_count": "8", "spawn_rate": "8", "host": "http://127.0.0.1:8080", "run_time": run_time}
    form |= {"workers": "2", "stack": "x", "pause": "1e-3", "sizes": "3,4", "loud": "true", "note": "anything"}
    assert field_errors(form, EXTRA) == []


@pytest.mark.parametrize(
    ("field_", "value"),
    [
        *(("web_port", "1"), ("record_dir", "/"), ("", "")),
        *(("run_time", text) for text in ("soon", "h", "-1", "1.5h", "9" * 400, "1s1h", "٣", "20\n")),
        *(("host", text) for text in ("a b", "http://é/", "http://x/\r\nSet-Cookie: a=b", "x" * 9000)),
        *(("workers", "many"), ("pause", ""), ("sizes", "1,x")),
    ],
)
def test_what_locust_would_fail_with_is_one_sentence(field_: str, value: str) -> None:
    (sentence,) = field_errors({field_: value}, EXTRA)
    assert len(sentence) < 200


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"{}", b"null", b'{"user_class_name": []}', b"[" * 100_000),
        *(json.dumps(USER | change).encode() for change in ({"__init__": 1}, {"weight": "x"}, {"tasks": None})),
        json.dumps(USER | {"user_class_name": "Other"}).encode(),
    ],
)
def test_a_class_of_users_changes_only_as_the_page_changes_it(data: bytes) -> None:
    assert user_error(data, {"Steady": object}) != ""
    assert user_error(json.dumps(USER).encode(), {"Steady": object}) == ""
    assert user_error(json.dumps(USER).encode(), None) != ""


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(sorted(EXTRA)), st.text(max_size=30)))
@settings(deadline=None)
def test_any_form_gets_whole_sentences(form: dict[str, str]) -> None:
    assert all(sentence.isprintable() and sentence.endswith(".") for sentence in field_errors(form, EXTRA))
