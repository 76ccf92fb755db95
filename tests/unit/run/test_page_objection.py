"""The answers of a page that a check cannot hammer."""

from __future__ import annotations

import pytest

from stacks.run.probe import Answer, objection


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(200, 3, 0.01), ""),
        (Answer(404, 3, 0.01), ""),
        (Answer(500, 3, 0.01), "answers 500"),
        (Answer(200, 20_000_000, 0.1), "more than 1 MB"),
        (Answer(error="TimeoutError: timed out", latency_s=6.1), "not answered within"),
        (Answer(error="RemoteDisconnected: closed", latency_s=0.1), "connection ended"),
    ],
)
def test_a_page_that_cannot_be_hammered(answer: Answer, says: str) -> None:
    assert says in objection(answer, "/page")
    assert bool(objection(answer, "/page")) is bool(says)
