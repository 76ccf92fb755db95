"""The cells of `capacity`: their sizes follow from the service time, and each has the verdict that it can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.campaign import capacity_cells as sizing
from stacks.campaign.capacity_cells import capacity_cells
from stacks.campaign.capacity_options import read_options
from stacks.campaign.run_order import run_order
from stacks.catalogue import load

KNOWN = load()
OPTIONS = read_options(KNOWN, {})


def test_the_default_takes_less_than_four_minutes_and_each_cell_has_a_name_of_its_own() -> None:
    cells = capacity_cells(KNOWN, OPTIONS, 0.0205)
    assert sum((cell.trials or OPTIONS.trials) * (cell.overrides["duration_s"] + 1.5) for cell in cells) < 240
    assert len({cell.name for cell in cells}) == len(cells)


@pytest.mark.parametrize(
    ("most", "sizes"), [(4, [1, 2, 3, 4]), (5, [1, 2, 3, 4, 5]), (16, [1, 2, 4, 8, 12, 16]), (1, [1])]
)
def test_sizes_double_and_end_with_three_quarters_and_the_most(most: int, sizes: list[int]) -> None:
    assert sizing.sizes(most) == sizes


@pytest.mark.parametrize("service_s", [0.001, 0.0205, 0.5])
def test_the_cells_fit_an_app_of_any_speed(service_s: float) -> None:
    cells = capacity_cells(KNOWN, OPTIONS, service_s)
    for cell in cells:
        own = cell.overrides
        threads = own["workers"] * own["options"].get("threads", 1)
        assert own["options"].get("listen", sizing.BACKLOG) >= own["users"]
        if "rate" in own:
            # Workers are idle for half of the time (rates are rounded), and all reach max-requests within the window.
            assert own["rate"] * service_s < 0.501 * own["workers"]
            assert own["workers"] * own["max_requests"] / own["rate"] < own["duration_s"]
        else:
            assert own["users"] > threads
            assert own["duration_s"] / service_s >= sizing.REQUESTS_A_WINDOW
    curves = [cell for cell in cells if cell.expected == "invalid"]
    assert {cell.overrides["options"].get("threads", 1) for cell in curves} == {1, OPTIONS.threads}
    assert {c.overrides["workers"] for c in curves if "threads" not in c.overrides["options"]} == {1, 2, 4, 8, 12, 16}
    assert [cell.expected for cell in cells].count("hung_worker") == 1
    assert {cell.stack.name for cell in cells} == {"work", "work-lazy"}


def test_with_one_thread_there_is_no_second_curve() -> None:
    cells = capacity_cells(KNOWN, read_options(KNOWN, {"threads": 1}), 0.02)
    assert all("threads" not in cell.overrides["options"] for cell in cells)


def test_an_app_of_the_user_keeps_its_size_and_can_import_what_is_beside_it(tmp_path: Path) -> None:
    app = tmp_path / "mine.py"
    app.touch()
    options = read_options(KNOWN, {"app": str(app)})
    for cell in capacity_cells(KNOWN, options, 0.02):
        assert cell.stack.app == str(app)
        assert cell.overrides["options"]["pythonpath"] == str(tmp_path)
        assert "env" not in cell.overrides["options"]
    assert OPTIONS.env == ["WORK_CPU_MS=1", "WORK_IO_MS=19", "WORK_MB=16"]


def test_a_cell_with_few_trials_is_only_in_the_first_rounds() -> None:
    cells = capacity_cells(KNOWN, OPTIONS, 0.02)
    runs = run_order(cells, 2, 1)
    counts = [sum(index == i for index, _ in runs) for i in range(len(cells))]
    assert counts == [cell.trials or 2 for cell in cells]
    assert set(counts) == {1, 2}
