"""The uWSGI settings of a run, read from its stack.ini."""

import pytest

from analysis.frames.stack_ini import read_settings


def test_settings_come_from_the_uwsgi_section_and_the_last_value_counts(tmp_path):
    ini = tmp_path / "stack.ini"
    ini.write_text(
        "[uwsgi]\nworkers = 4\n; threads = 9\nmax-requests=10\nmax-requests = 20\nlazy-apps = true\n[x]\nlisten = 1\n"
    )
    settings = read_settings(ini)
    assert (settings["workers"], settings["threads"], settings["max_requests"]) == (4, 1, 20)
    assert (settings["min_worker_lifetime_s"], settings["listen_backlog"], settings["lazy_apps"]) == (10, 100, True)
    assert (settings["enable_threads"], settings["master"]) == (False, False)
    assert read_settings(tmp_path / "missing")["workers"] is None
    ini.write_text("[uwsgi]\nmaster = true\nenable-threads = true\nlazy-apps = false\n")
    settings = read_settings(ini)
    assert (settings["enable_threads"], settings["master"], settings["lazy_apps"]) == (True, True, False)


@pytest.mark.parametrize("value", ["²", "٣", "9" * 40, "9" * 5000, "-1", "1e3"])
def test_a_number_that_uwsgi_cannot_hold_is_none(tmp_path, value):
    path = tmp_path / "stack.ini"
    path.write_text(f"[uwsgi]\nprocesses = {value}\n", encoding="utf-8")
    assert read_settings(path)["workers"] is None
