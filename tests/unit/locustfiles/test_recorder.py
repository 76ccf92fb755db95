"""The recorder: it writes a row for every request of Locust's own clients, with the word of its failure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue import ROOT
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_ERRORS
from tests.patience import LIMIT_S

CLIENTS = ("HttpUser", "FastHttpUser")


@pytest.fixture(scope="module")
def driven() -> dict[str, Any]:
    """The output of recorder_driver.py. It runs as a process, because Locust patches the process in which it runs."""
    command = [sys.executable, str(Path(__file__).parent / "recorder_driver.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def cells(line: str) -> dict[str, str]:
    assert line.endswith("\n")
    assert line.count("\n") == 1
    return dict(zip(REQUEST_COLUMNS, line[:-1].split("\t"), strict=True))


def test_every_exception_has_its_word(driven: dict[str, Any]) -> None:
    wrong = [row for row in driven["words"] if row[0] != row[1]]
    assert wrong == []
    words = {word for _, word, _ in driven["words"]}
    assert words <= set(REQUEST_ERRORS)
    # These two are not exceptions: one is a user that was killed, the other a request that was never sent.
    assert set(REQUEST_ERRORS) - words <= {"in_flight", "missed"}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("server", "status"),
    [("whole", 200), ("HEAD", 200), ("chunked", 200), ("unframed", 200), ("empty", 204), ("server error", 500)],
)
def test_every_answer_is_a_row_without_an_error(driven: dict[str, Any], client: str, server: str, status: int) -> None:
    row = cells(driven["rows"][f"{server}, {client}"])
    assert (row["status"], row["error"]) == (str(status), "")
    assert row["method"] == ("HEAD" if server == "HEAD" else "GET")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_row_has_the_worker_the_size_and_the_times(driven: dict[str, Any], client: str) -> None:
    row = cells(driven["rows"][f"whole, {client}"])
    assert (row["slot"], row["pid"], row["bytes"]) == ("3", "77", "10")
    assert row["scheduled_ns"] == row["start_ns"]
    assert 0 < int(row["latency_us"]) < 5_000_000
    assert row["name"].split() == ["a", "name"]


@pytest.mark.parametrize("client", CLIENTS)
def test_headers_with_unexpected_values_do_not_break_a_row(driven: dict[str, Any], client: str) -> None:
    row = cells(driven["rows"][f"strange headers, {client}"])
    assert (row["status"], row["slot"], row["pid"]) == ("200", "0", "0")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("server", ["refused", "closed", "truncated", "truncated chunk", "malformed", "timeout"])
def test_a_failure_is_a_row_with_its_word_and_no_worker(driven: dict[str, Any], client: str, server: str) -> None:
    row = cells(driven["rows"][f"{server}, {client}"])
    assert (row["error"], row["status"]) == (server.split()[0], "0")
    assert (row["slot"], row["pid"], row["bytes"]) == ("0", "0", "0")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_reset_and_a_timeout_within_an_answer_are_failures(driven: dict[str, Any], client: str) -> None:
    assert cells(driven["rows"][f"reset, {client}"])["error"] == "reset"
    assert cells(driven["rows"][f"timeout in the body, {client}"])["error"] in ("timeout", "truncated")


@pytest.mark.parametrize("client", CLIENTS)
def test_the_latency_of_a_timeout_is_the_time_that_was_waited(driven: dict[str, Any], client: str) -> None:
    assert int(cells(driven["rows"][f"timeout, {client}"])["latency_us"]) >= 190_000


def test_a_request_of_a_user_that_is_killed_is_a_row(driven: dict[str, Any]) -> None:
    row = cells(driven["killed"])
    assert (row["error"], row["status"], row["name"]) == ("in_flight", "0", "/x")
    assert int(row["latency_us"]) >= 40_000


def test_the_rows_are_flushed_so_often_that_a_kill_loses_half_a_second_at_most() -> None:
    source = (ROOT / "locustfiles" / "recording" / "_part_file.py").read_text()
    assert float(re.search(r"^FLUSH_S = ([\d.]+)", source, re.MULTILINE)[1]) <= 0.5
