"""Guards a check, and closes its runs if it is killed: a sentence, exit code 1, and no run.json that says `running`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stacks.lifecycle.records import RUN_FILE, RecordError
from stacks.observe.memory_kills import MemoryKills
from stacks.run import run_end, supervisor

DIRECTORIES_FILE = "directories"  # in the private directory of the check, or of one of its vassals


def guarded(main: Callable[[], int], private: Path) -> int:
    """Run `main` under a guard, and remove `private` at the end. Return its exit code, or 1 if a signal ended it."""
    return supervisor.guarded(main, private, after_kill=partial(close_runs, private))


def note_directory(private: Path, directory: Path) -> None:
    """Leave the name of a results directory of this check for its guard."""
    with (private / DIRECTORIES_FILE).open("a", encoding="utf-8") as notes:
        notes.write(f"{directory}\n")


def close_runs(private: Path, kills: MemoryKills) -> None:
    """Print one sentence, and let every run.json that still says `running` say why the run ended."""
    print(f"could not check: the check was killed; {kills.cause()}.", file=sys.stderr)
    for notes in private.rglob(DIRECTORIES_FILE):
        for directory in notes.read_text(encoding="utf-8").splitlines():
            for unfinished in Path(directory).rglob(f".{RUN_FILE}.*"):  # what write_json was about to rename
                unfinished.unlink(missing_ok=True)
            for file in Path(directory).rglob(RUN_FILE):
                with contextlib.suppress(RecordError):  # a file that cannot be read stays as it is
                    run_end.record_killed_observer(file.parent, "the check was killed before its verdict")
