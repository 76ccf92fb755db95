"""Error messages of uv become one sentence."""

from __future__ import annotations

import pytest
from uv_messages import NO_NETWORK, NO_VERSION, NO_WHEEL, NO_WHEEL_DRAWN, NOT_BUILT, OFFLINE, REFUSED

from stacks.catalogue.uv import explain_failure, innermost_cause


@pytest.mark.parametrize(
    ("stderr", "sentence"),
    [
        (NO_WHEEL, "pyuwsgi 2.0.26 has no wheel for Python 3.13 on this kind of machine."),
        (NO_WHEEL_DRAWN, "pyuwsgi 2.0.26 has no wheel for Python 3.13 on this kind of machine."),
        (NO_VERSION, "the package index has no pyuwsgi 2.0.26."),
        (REFUSED, "the package index cannot be reached for pyuwsgi 2.0.26 (Connection refused (os error 111))."),
        (OFFLINE, "the package index cannot be reached for pyuwsgi 2.0.26 (Because pyuwsgi was not found in the cache"),
        (
            NOT_BUILT,
            "pyuwsgi 2.0.26 could not be built for Python 3.13: the build needs a C compiler and the headers of that "
            "Python (Exception: you need a C compiler to build uWSGI).",
        ),
        ("error: disk full\n", "uv could not install pyuwsgi 2.0.26 for Python 3.13 (disk full)."),
    ],
)
def test_every_failure_of_uv_becomes_a_sentence(stderr: str, sentence: str) -> None:
    text = explain_failure(stderr, "3.13", "pyuwsgi", "2.0.26")
    assert text.startswith(sentence)
    assert "\n" not in text


def test_the_innermost_cause_of_an_error_is_passed_on() -> None:
    assert innermost_cause(NO_NETWORK) == "failed to lookup address information: Name or service not known"
    assert innermost_cause("  × Failed to download\n  ├─▶ Request failed\n  ╰─▶ dns error\n") == "dns error"  # uv 0.9
    assert innermost_cause("error: no download\n  Caused by: dns error\n") == "dns error"  # uv 0.9
    assert innermost_cause("plain words\n") == "plain words"
    assert innermost_cause("") == "no message"
