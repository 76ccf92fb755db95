"""What became of the requests is counted in the recorder's files; a line that was cut short is skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.lifecycle.losses import LOSS_OF_ERROR, OPEN_S, losses
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_ERRORS

HEADER = "\t".join(REQUEST_COLUMNS)


def line(status: int = 200, error: str = "", latency_s: float = 0.01, pid: int = 1) -> str:
    values = dict.fromkeys(REQUEST_COLUMNS, "1") | {"status": str(status), "error": error, "pid": str(pid)}
    return "\t".join((values | {"latency_us": str(round(latency_s * 1e6))}).values())


def counted(directory: Path, *rows: str) -> dict[str, object]:
    (directory / "requests-1.tsv").write_text("\n".join([HEADER, *rows, "# complete", ""]))
    return losses(directory)


def test_requests_are_counted_by_kind_of_loss(tmp_path: Path) -> None:
    errors = ["timeout", "reset", "closed", "truncated", "refused", "missed", "other"]
    rows = [line(pid=7), line(404), line(500), line(503, pid=7), *(line(0, error, pid=0) for error in errors)]
    rows.append(line(0, "in_flight", OPEN_S + 0.1, pid=0))
    (tmp_path / "requests-2.tsv").write_text("\n".join([HEADER, line(0, "reset"), "1\t2\t3"]))
    assert counted(tmp_path, *rows) == {
        "requests": 12,
        "answered": 4,
        "answered_pids": [1, 7],
        "failed": 2,
        "refused": 1,
        "reset": 3,
        "timeout": 2,
        "truncated": 1,
    }


def test_without_a_request_there_is_no_count(tmp_path: Path) -> None:
    assert losses(tmp_path) == {}
    assert counted(tmp_path) == {}
    assert counted(tmp_path, line(0, "missed", 0.0, pid=0)) == {}


def test_an_answer_that_does_not_name_its_worker_is_counted_apart(tmp_path: Path) -> None:
    assert counted(tmp_path, line(), line(pid=0)) == {"requests": 2, "answered": 2, "answered_pids": [1], "unnamed": 1}


@pytest.mark.parametrize(
    ("slowest_s", "age_s", "kind"),
    [
        (0.01, 0.0007, "open"),  # the last request of a user that the end of the run cut off
        (0.01, OPEN_S, "open"),  # a worker that recycles leaves a client waiting for as long
        (0.01, OPEN_S + 0.01, "timeout"),
        (3.0, 2.9, "open"),  # other requests took as long and were answered
        (3.0, 3.1, "timeout"),
    ],
)
def test_a_request_in_flight_is_lost_only_if_it_is_older_than_answered_ones_took(
    tmp_path: Path, slowest_s: float, age_s: float, kind: str
) -> None:
    counts = counted(tmp_path, line(), line(latency_s=slowest_s), line(0, "in_flight", age_s, pid=0))
    assert {name: counts.get(name) for name in ("open", "timeout")} == {"open": None, "timeout": None} | {kind: 1}


def test_without_an_answer_the_floor_is_the_limit(tmp_path: Path) -> None:
    counts = counted(tmp_path, line(0, "in_flight", 0.5, pid=0), line(0, "in_flight", 9.0, pid=0))
    assert counts == {"requests": 2, "answered": 0, "answered_pids": [], "open": 1, "timeout": 1}


def test_every_error_with_a_loss_is_one_of_the_recorders_words() -> None:
    assert set(LOSS_OF_ERROR) <= set(REQUEST_ERRORS)
