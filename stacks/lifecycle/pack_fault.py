"""Tells an error inside the pack from a property of a stack: a sentence for the user, and a file to send.

An exception that no code of the pack expects says nothing about the stack that was measured.
"""

from __future__ import annotations

import os
import tempfile
import traceback
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
