"""Files of text: an error names the file, and a file that is replaced is never half written."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from stacks.lifecycle.text_files import replace_text, write_text

Write = Callable[[Path, str], None]


@pytest.mark.parametrize("write", [write_text, replace_text])
def test_a_full_disk_names_the_file(tmp_path: Path, write: Write) -> None:
    """The kernel's error of a write names no file."""
    path = tmp_path / "file"
    path.write_text("before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(path, "x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == [path.name]
    assert (path.read_text() == "before") is (write is replace_text)


def interrupted(action: Callable[[], None], step: int) -> bool:
    """Call `action`, and raise KeyboardInterrupt before its line number `step`. Return False if it has fewer lines."""
    steps = 0

    def trace(_frame: FrameType, event: str, _argument: object) -> object:
        nonlocal steps
        steps += event == "line"
        if steps == step:
            sys.settrace(None)
            raise KeyboardInterrupt
        return trace

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(earlier)
    return False


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # an open file is closed when nothing knows it
def test_an_interrupt_at_any_line_leaves_the_old_file_or_the_new_one_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file was left if the interrupt came when it was there and its name was not known yet."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)  # a busy disk takes a second
    path = tmp_path / "file"
    seen, step = set(), 1
    path.write_text("before")
    while interrupted(lambda: replace_text(path, "after"), step):
        assert os.listdir(tmp_path) == [path.name]
        seen.add(path.read_text())
        path.write_text("before")
        step += 1
    assert seen == {"before", "after"}
    assert step > 10


def test_a_text_can_go_to_a_device(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    write_text(link, "text")
    assert link.readlink() == Path("/dev/null")
