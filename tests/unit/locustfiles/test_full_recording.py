"""A recorder whose disk is full keeps its whole rows, says so once, and the load goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stacks.catalogue import ROOT
from stacks.lifecycle.losses import tally

# A limit of the size of a file stands for a full disk: write(2) fails in the same way.
CODE = """
import resource, sys
sys.path[:0] = ["locustfiles", "."]
from recording import _part_file, _rows
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
failures = []
_part_file.on_failure = failures.append
_part_file.begin(sys.argv[1])
for number in range(100):
    _rows.add(number, number, "GET", "/page", None, "timeout")
    _part_file.flush()
_part_file.end()
print(len(failures), failures[0].strerror if failures else "")
"""


def record(folder: Path, limit: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder), str(limit)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_whole_rows_are_kept_and_the_failure_is_told_once(tmp_path: Path) -> None:
    assert record(tmp_path, 2000) == "1 File too large"
    (file,) = tmp_path.iterdir()
    assert not file.read_text().endswith("# complete\n")
    assert 20 < tally(tmp_path).requests < 100


def test_a_disk_without_any_room_ends_nothing(tmp_path: Path) -> None:
    assert record(tmp_path, 0) == "1 File too large"


def test_with_room_nothing_is_told(tmp_path: Path) -> None:
    assert record(tmp_path, 1 << 20) == "0"
    assert tally(tmp_path).requests == 100
