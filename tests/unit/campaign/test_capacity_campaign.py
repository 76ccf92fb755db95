"""What `make capacity` runs: sizes that follow from the service time, expected verdicts, and every mistake at once."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from stacks.campaign import capacity_sizes
from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import Asked, order
from stacks.catalogue import UsageError, load
from stacks.lifecycle.records import REQUESTS_FILE, RecordError

KNOWN = load()
SWEEP = capacity_sizes.sweep(KNOWN, {})


def test_the_file_is_right_and_the_default_takes_less_than_four_minutes() -> None:
    found = capacity_sizes.cells(KNOWN, SWEEP, 0.0205)
    assert sum((cell.trials or SWEEP.trials) * (cell.own["duration_s"] + 1.5) for cell in found) < 240
    assert len({cell.name for cell in found}) == len(found)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    asked = {"version": "py399-1", "workers": 2, "cpu_ms": -1.0, "app": str(tmp_path / "none.py"), "trials": None}
    with pytest.raises(UsageError) as caught:
        capacity_sizes.sweep(KNOWN, asked)
    told = str(caught.value).splitlines()
    assert told[0].startswith("no version py399-1; there are: ")
    assert [line.split(":")[0] for line in told[1:]] == ["WORKERS", "CPU_MS", "APP"]


@pytest.mark.parametrize(
    ("most", "sizes"), [(4, [1, 2, 3, 4]), (5, [1, 2, 3, 4, 5]), (16, [1, 2, 4, 8, 12, 16]), (1, [1])]
)
def test_sizes(most: int, sizes: list[int]) -> None:
    assert capacity_sizes.sizes(most) == sizes


@pytest.mark.parametrize("service_s", [0.001, 0.0205, 0.5])
def test_what_is_run_fits_an_app_of_any_speed(service_s: float) -> None:
    found = capacity_sizes.cells(KNOWN, SWEEP, service_s)
    for cell in found:
        own = cell.own
        threads = own["workers"] * own["options"].get("threads", 1)
        assert own["options"].get("listen", capacity_sizes.BACKLOG) >= own["users"]
        if "rate" in own:
            # Idle half of the time (rates are rounded), and every worker reaches its limit within the window.
            assert own["rate"] * service_s < 0.501 * own["workers"]
            assert own["workers"] * own["max_requests"] / own["rate"] < own["duration_s"]
        else:
            assert own["users"] > threads
            assert own["duration_s"] / service_s >= capacity_sizes.REQUESTS_A_WINDOW
    curves = [cell for cell in found if cell.expected == "invalid"]
    assert {cell.own["options"].get("threads", 1) for cell in curves} == {1, SWEEP.threads}
    assert {c.own["workers"] for c in curves if "threads" not in c.own["options"]} == {1, 2, 4, 8, 12, 16}
    assert [cell.expected for cell in found].count("hung_worker") == 1
    assert {cell.stack.name for cell in found} == {"work", "work-lazy"}


def test_without_a_second_curve() -> None:
    found = capacity_sizes.cells(KNOWN, capacity_sizes.sweep(KNOWN, {"threads": 1}), 0.02)
    assert all("threads" not in cell.own["options"] for cell in found)


def test_somebodys_app_has_its_own_size_and_finds_what_is_beside_it(tmp_path: Path) -> None:
    app = tmp_path / "mine.py"
    app.touch()
    made = capacity_sizes.sweep(KNOWN, {"app": str(app)})
    for cell in capacity_sizes.cells(KNOWN, made, 0.02):
        assert cell.stack.app == str(app)
        assert cell.own["options"]["pythonpath"] == str(tmp_path)
        assert "env" not in cell.own["options"]
    assert SWEEP.env == ["WORK_CPU_MS=1", "WORK_IO_MS=19", "WORK_MB=16"]


def test_cells_with_few_trials_come_in_the_first_rounds_only() -> None:
    found = capacity_sizes.cells(KNOWN, SWEEP, 0.02)
    runs = order(found, 2, 1)
    counts = [sum(index == i for index, _ in runs) for i in range(len(found))]
    assert counts == [cell.trials or 2 for cell in found]
    assert set(counts) == {1, 2}


def answers(directory: Path, begin_ns: int) -> dict[str, object]:
    """A run of 2 s in which four requests were answered, one of them too late."""
    directory.mkdir()
    rows = {
        "start_ns": [begin_ns, begin_ns, begin_ns + 10**9, begin_ns + 10**9, begin_ns],
        "latency_us": [1000, 1000, 1000, 2_000_000, 1000],
        "error": ["", "", "", "", "timeout"],
    }
    pq.write_table(pa.table(rows), directory / REQUESTS_FILE)
    return {
        "run_id": directory.name,
        "status": "done",
        "verdict": "invalid",
        "error": None,
        "load": {"begin_ns": begin_ns, "window_s": 2.0},
        "counts": {"respawns": 7},
    }


def test_answers_of_the_window(tmp_path: Path) -> None:
    record = answers(tmp_path / "run", 5 * 10**12)
    assert capacity_sizes.answered_rps(tmp_path / "run", record) == 1.5
    assert capacity_sizes.answered_rps(tmp_path / "none", record) is None


def campaign(tmp_path: Path, *records: dict[str, object]) -> Campaign:
    """One whose runs have ended."""
    found = Campaign(KNOWN.plan, Asked(), [capacity_sizes.calibration(KNOWN, SWEEP)], KNOWN.scenarios["saturate"])
    found.directory, found.done, found.runs = tmp_path, [(0, record) for record in records], [(0, 1)]
    return found


def test_the_service_time_is_that_of_one_busy_worker(tmp_path: Path) -> None:
    assert capacity_sizes.service_s(campaign(tmp_path, answers(tmp_path / "run", 10**12))) == pytest.approx(1 / 1.5)
    with pytest.raises(RecordError, match="cannot be measured: no python application"):
        capacity_sizes.service_s(campaign(tmp_path, {"status": "failed", "error": "no python application"}))
    with pytest.raises(RecordError, match="answered nothing within 3 s"):
        capacity_sizes.service_s(campaign(tmp_path))


def test_a_run_is_shown_by_what_it_answered(tmp_path: Path) -> None:
    text = StringIO()
    record = answers(tmp_path / "run", 10**12)
    capacity_sizes.Shown(Console(file=text, width=120)).finished(campaign(tmp_path, record), 0, record)
    assert text.getvalue() == "[1/1] run: 2 requests/s, 7 respawns\n"


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    from stacks.__main__ import main

    assert main(["capacity", "--workers=2"]) == 2
    assert capsys.readouterr().err == "WORKERS: 2 is not between 4 and 512\n"


def test_the_pack_app_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORK_CPU_MS", "3"), ("WORK_IO_MS", "0"), ("WORK_MB", "1")):
        monkeypatch.setenv(name, value)
    space: dict[str, object] = {}
    exec((capacity_sizes.STACKS / "apps" / "work.py").read_text(), space)  # noqa: S102 - uWSGI reads it alike
    assert len(space["TABLE"]) == 1024 * 1024
    clock = SimpleNamespace(now=0.0, slept=[])
    space["time"] = SimpleNamespace(
        thread_time=lambda: (setattr(clock, "now", clock.now + 0.001), clock.now)[1], sleep=clock.slept.append
    )
    said: list[object] = []
    assert space["application"]({}, lambda status, headers: said.append(status)) == [b"ok\n"]
    assert (said, clock.slept) == (["200 OK"], [0.0])
    assert clock.now >= 0.003
