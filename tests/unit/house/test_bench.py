"""The results of `make bench`: limits, intervals, the file, and the comparison with the last result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contract import problems

from stacks.lifecycle.reading import read_json
from tests.benchmarks import bench, bench_page, bench_result
from tests.benchmarks.bench_result import Number, Result, Skipped, median, ratio
from tests.benchmarks.parts import verdict


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bench_result, "FOLDER", tmp_path)
    return tmp_path


def result(*numbers: Number) -> Result:
    return Result("observer", "with <it>, beside without it", 1.0, list(numbers))


def test_a_ratio_is_the_geometric_mean_of_its_pairs_with_an_interval() -> None:
    number = ratio("a / b", [(2.0, 1.0), (8.0, 1.0)], at_least=3.9)
    assert number.value == pytest.approx(4.0)
    assert number.low is not None
    assert number.high is not None
    assert number.low < 4.0 < number.high
    assert number.samples == [2.0, 8.0]
    assert number.is_reached
    assert ratio("a / b", [(2.0, 1.0)]).low is None


def test_a_result_is_as_the_schema_describes_and_the_page_and_the_table_show_it(folder: Path) -> None:
    one = result(ratio("a / b", [(2.0, 1.0), (3.0, 1.0)], at_most=2.0), median("c", "s", [1.0]))
    one.write()
    record = read_json(folder / "observer.json")
    assert problems("bench", record) == []
    assert [number["is_reached"] for number in record["numbers"]] == [False, True]
    page, table = bench_page.page([record]), bench_page.table([record])
    assert "X missed" in page
    assert "&lt;it&gt;" in page
    assert "| observer | a / b | 2.45 |" in table
    assert "Measured on " in table
    assert "MISSED" in bench_page.lines(record)
    assert problems("bench", Result("observer", "what", 0.1, skipped="no kernel events").record()) == []


def test_a_number_whose_interval_is_beyond_the_last_one_became_slower(folder: Path) -> None:
    assert bench_result.slower(result(median("c", "s", [1.0], at_most=9.0))) == []
    result(median("c", "s", [1.0, 1.1], at_most=9.0), median("rate", "1/s", [10.0, 11.0], at_least=1.0)).write()
    assert bench_result.slower(result(median("c", "s", [1.05], at_most=9.0))) == []
    slow, fast = median("c", "s", [1.2, 1.3], at_most=9.0), median("rate", "1/s", [12.0], at_least=1.0)
    (line,) = bench_result.slower(result(slow, fast))
    assert "c was 1.05, and is 1.25 s" in line
    (line,) = bench_result.slower(result(median("rate", "1/s", [8.9, 9.1], at_least=1.0)))
    assert "rate was 10.5" in line
    assert bench_result.slower(result(median("rate", "1/s", [9.0], at_least=1.0))) == []  # one sample tells nothing
    result(median("c", "s", [2.0])).write()
    assert read_json(folder / "observer.before.json")["numbers"][0]["value"] == pytest.approx(1.05)


def test_a_number_that_misses_its_limit_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    values = iter([3.0, 1.0])
    monkeypatch.setattr(verdict, "measure", lambda *, quick: [ratio("a / b", [(next(values), 1.0)], at_most=2.0)])
    assert bench.measure("verdict", quick=True).numbers[0].value == pytest.approx(1.0)
    slow = median("c", "s", [9.0], at_most=1.0)
    assert bench.missed([slow], quick=True) == []  # a machine of a CI may be slow
    assert bench.missed([slow, replace(slow, unit="ratio")], quick=False) == ["c", "c"]


def test_a_part_that_cannot_be_measured_is_skipped_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def skip(*, quick: bool) -> list[Number]:
        raise Skipped("no kernel events")

    monkeypatch.setattr(verdict, "measure", skip)
    assert bench.measure("verdict", quick=True).skipped == "no kernel events"


@pytest.mark.parametrize("part", bench.PARTS)
def test_every_part_has_a_file(part: str) -> None:
    assert (Path(bench.__file__).parent / "parts" / f"{part}.py").is_file()


def test_the_rows_of_the_part_verdict_are_a_run_that_recovers() -> None:
    assert len(list(verdict.rows(2_000))) == pytest.approx(2_000, abs=50)
    verdict.seconds_of(2_000)
