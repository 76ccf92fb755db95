"""Lost requests are counted in the recorder's files; a line that was cut short is skipped."""

from __future__ import annotations

from pathlib import Path

from stacks.lifecycle.losses import LOSS_OF_ERROR, losses
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_ERRORS

HEADER = "\t".join(REQUEST_COLUMNS)


def line(status: int = 200, error: str = "") -> str:
    values = dict.fromkeys(REQUEST_COLUMNS, "1") | {"status": str(status), "error": error}
    return "\t".join(values.values())


def test_requests_are_counted_by_kind_of_loss(tmp_path: Path) -> None:
    errors = ["timeout", "in_flight", "reset", "closed", "truncated", "refused", "missed", "other"]
    rows = [line(), line(404), line(500), line(503), *(line(0, error) for error in errors)]
    (tmp_path / "requests-1.tsv").write_text("\n".join([HEADER, *rows, "# complete", ""]))
    (tmp_path / "requests-2.tsv").write_text("\n".join([HEADER, line(0, "reset"), "1\t2\t3"]))
    assert losses(tmp_path) == {"failed": 2, "refused": 1, "reset": 3, "timeout": 2, "truncated": 1}


def test_without_a_loss_there_is_no_count(tmp_path: Path) -> None:
    assert losses(tmp_path) == {}
    (tmp_path / "requests-1.tsv").write_text(f"{HEADER}\n{line()}\n# complete\n")
    assert losses(tmp_path) == {}


def test_every_error_with_a_loss_is_one_of_the_recorders_words() -> None:
    assert set(LOSS_OF_ERROR) <= set(REQUEST_ERRORS)
