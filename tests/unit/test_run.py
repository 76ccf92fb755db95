"""What a run keeps of a stack that could not have its port, and is started anew: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks import supervisor
from stacks.records import LOG_FILE, RUN_FILE, SCHEMA, write_json
from stacks.run import Run
from stacks.verdict import Judgement


def test_a_stack_that_is_started_anew_is_not_judged_by_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "sweep", lambda: None)  # it would take the children of the tests
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "plan": {}, "paths": {}})
    (tmp_path / LOG_FILE).write_text("bind(): Address already in use")
    run = Run(tmp_path, tmp_path)
    run._seen = Judgement("dead_master", "the master ended with exit code 1", 0, 0, 0, None)
    run._discard()
    assert run._seen is None
    assert not (tmp_path / LOG_FILE).exists()
