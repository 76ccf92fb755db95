"""The heat-map of a matrix campaign: the words in every field, its title, and what was not tested."""

from analysis.figures import verdict_grid, verdict_heatmap


def entry(python, pin, verdict=None, **more):
    made = {"stack": "threads", "version": f"py{python.replace('.', '')}-{pin}", "python": python}
    made |= {"package": "pyuwsgi", "verdict": verdict, "verdicts": [verdict], "expected": verdict}
    made |= {
        "hung": 0,
        "hung_initial": 0,
        "respawns": 6,
        "hang_rate": 0.0,
        "hang_rate_high": 0.3903,
        "not_tested_because": None,
    }
    return made | more


HUNG = entry("3.12", "2.0.26", "hung_worker", hung=6, hang_rate=1.0)
RECOVERS = entry("3.12", "2.0.30.post1", "recovers")
NO_WHEEL = entry("3.13", "2.0.26", not_tested_because="pyuwsgi 2.0.26 has no wheel for Python 3.13.")
NO_PYTHON = entry("3.14", "2.0.30.post1", not_tested_because="Python 3.14 was not found.")


def grid_of(*entries):
    [grid] = verdict_grid.grids_of({"cells": list(entries)})
    return grid


def texts(grid):
    return [text.get_text() for text in verdict_heatmap.draw(grid).axes[0].texts]


def test_rows_and_columns_go_from_old_to_new():
    grid = grid_of(NO_PYTHON, RECOVERS, NO_WHEEL, HUNG)
    assert grid.rows == [("pyuwsgi", "3.12"), ("pyuwsgi", "3.13"), ("pyuwsgi", "3.14")]
    assert grid.pins == ["2.0.26", "2.0.30.post1"]


def test_pythons_without_a_gil_come_last():
    pythons = ("3.14t", "3.13t", "3.14", "3.9")
    grid = grid_of(*(entry(python, "2.0.31", package="uwsgi", not_tested_because="why") for python in pythons))
    assert [python for _, python in grid.rows] == ["3.9", "3.14", "3.13t", "3.14t"]


def test_every_field_has_its_words():
    words = texts(grid_of(HUNG, RECOVERS, NO_WHEEL, NO_PYTHON))
    assert "hung_worker\n6 of 6, 100 %" in words
    assert "recovers\n0 of 6, max. 39.0 %" in words
    assert (words.count("no wheel"), words.count("not tested")) == (1, 1)


def test_a_verdict_that_changed_is_marked():
    assert "CHANGED\nhung_worker\n6 of 6, 100 %" in texts(grid_of(HUNG | {"expected": "recovers"}))


def test_the_title_counts_the_combinations():
    assert verdict_grid.title(grid_of(NO_WHEEL)) == "threads: no combination could be tested"
    assert verdict_grid.title(grid_of(RECOVERS)) == "threads: the workers come back in 1 of 1 tested combination"
    assert verdict_grid.title(grid_of(HUNG)) == "threads: the workers come back in 0 of 1 tested combination"
    assert verdict_grid.title(grid_of(HUNG, RECOVERS, NO_WHEEL)) == (
        "threads: the workers do not come back in 1 of 2 tested combinations: Python 3.12 with 2.0.26"
    )


def test_the_alternative_text_describes_every_field():
    text = verdict_grid.alt_text(grid_of(HUNG, NO_WHEEL))
    assert "Python 3.12 with 2.0.26: hung_worker, 6 of 6, 100 %" in text
    assert "Python 3.13 with 2.0.26: no wheel" in text
