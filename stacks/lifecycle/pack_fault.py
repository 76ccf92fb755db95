"""Tells an error inside the pack from a property of a stack: a sentence for the user, and a file to send.

An exception that no code of the pack expects says nothing about the stack that was measured.
"""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from stacks.lifecycle.records import RESULTS

FAULT_FILE = "fault.txt"  # in the directory of a run
_BEGIN = "a fault of the pack"


def report(error: BaseException, directory: Path | None = None) -> str:
    """Write the traceback to a file, and return the sentence for the user.

    The file is FAULT_FILE in `directory`, the directory of a run, or a new file in the results directory.
    """
    text = "".join(traceback.format_exception(error))
    try:
        path = directory / FAULT_FILE if directory is not None else _new_file()
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return f"{_sentence(error)}, please send this text:\n{text}"
    return f"{_sentence(error)}, please send {path}"


def guarded(main: Callable[[], int]) -> int:
    """Return the exit code of `main`: 1 after an error that nothing expects, and the sentence goes to stderr."""
    try:
        return main()
    except Exception as error:
        print(report(error), file=sys.stderr, flush=True)
        return 1


def sentence_of(fault: Path) -> str:
    """Return the sentence for the user about a fault whose traceback another process has written to a file."""
    return f"{_BEGIN}, please send {fault}"


def is_told(text: str) -> bool:
    """Return True if a reason begins with the sentence of `report`."""
    return text.startswith(_BEGIN)


def _sentence(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    words = " ".join(str(error).split())[:200]
    return f"{_BEGIN}: {type(error).__name__}{place}{f': {words}' if words else ''}"


def _new_file() -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix="fault-", suffix=".txt", dir=RESULTS)
    os.close(handle)
    return Path(name)
