"""Files of text: an error names the file, and a file that is replaced is never half written."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

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


def test_a_text_can_go_to_a_device(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    write_text(link, "text")
    assert link.readlink() == Path("/dev/null")
