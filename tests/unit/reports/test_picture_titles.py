"""The pictures of a report: their titles and their alternative texts."""

from results_builder import Builder, Story, typical

from analysis.frames.cells import group_by_cell
from analysis.frames.results import load
from analysis.reports import capacity_pictures, recycle_pictures, run_pictures


def test_pictures_have_titles_and_words_from_the_data(tmp_path):
    results = load(typical(tmp_path / "a"))
    cells = group_by_cell(results)
    pair = run_pictures.worst_and_best(cells)
    shown = [
        capacity_pictures.hang_forest(cells),
        capacity_pictures.versions(cells),
        capacity_pictures.time_to_ready(cells),
    ]
    shown.append(run_pictures.swimlanes(results, *pair))
    expected = "100 % of the respawns hang in 2 of 6 cells; none hung in the other 4, so their rate is at most 24.2 %"
    assert shown[0].title == expected
    assert shown[1].title == "Workers hang on Python 3.12 with 2.0.26 (stack threads)"
    assert shown[2].title.startswith("Up to 100 % of the workers never become ready in 2 of 6 cells; elsewhere every")
    assert all(len(picture.alt_text) > 60 for picture in shown)
    assert shown[0].svg() == capacity_pictures.hang_forest(cells).svg()


def test_pictures_without_data_are_none(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("invalid", Story())
    results = load(builder.write())
    cells = group_by_cell(results)
    assert capacity_pictures.hang_forest(cells) is None
    assert capacity_pictures.versions(cells) is None
    assert capacity_pictures.time_to_ready(cells) is None
    assert recycle_pictures.recoveries(results, cells) is None
    assert run_pictures.worst_and_best(cells) is None
