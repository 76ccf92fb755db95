"""Guards a command, and closes its runs if it is killed: a sentence, and no run.json that says `running`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from stacks.console import interrupts
from stacks.lifecycle.records import RUN_FILE, RecordError
from stacks.observe.memory_kills import MemoryKills
from stacks.run import private_directory, run_end, supervisor

DIRECTORIES_FILE = "directories"  # in the private directory of the command, or of one of its vassals


def guarded(main: Callable[[Path], int], sentence: str, failed: int = 1) -> int:
    """Run `main` under a guard, with a private directory that is removed at the end. Return its exit code.

    If a signal ended it, the exit code is `failed`, and `sentence` is printed with the cause.
    """
    interrupts.block()  # until the guard can forward them: whatever ends it then, the private directory is removed
    private = private_directory.make()
    close = partial(close_runs, private, sentence)
    return supervisor.guarded(lambda: main(private), private, failed=failed, after_kill=close)


def note_directory(private: Path, directory: Path) -> None:
    """Leave the name of a results directory of this command for its guard."""
    with (private / DIRECTORIES_FILE).open("a", encoding="utf-8") as notes:
        notes.write(f"{directory}\n")


def close_runs(private: Path, sentence: str, kills: MemoryKills) -> None:
    """Print `sentence` with the cause, and let every run.json that still says `running` say why the run ended."""
    print(f"{sentence}; {kills.cause()}.", file=sys.stderr)
    for notes in private.rglob(DIRECTORIES_FILE):
        for directory in notes.read_text(encoding="utf-8").splitlines():
            files = [file for name in (RUN_FILE, f".{RUN_FILE}.*") for file in Path(directory).rglob(name)]
            for run_directory in {file.parent for file in files}:
                with contextlib.suppress(RecordError):  # a file that cannot be read stays as it is
                    run_end.record_killed_observer(run_directory, "the command was killed before its verdict")
