"""The layout of a run whose processes ran on several hosts: how its parts are named and what their rows carry.

The run's directory in the results location has `requests/` instead of `requests.parquet`. Each process of Locust has
one part there. While the process runs, and after its host was lost, the part is a row of pieces of at most a second
each. In the end they are replaced by one file. So every file is whole, and a part that was cut off ends with its last
piece.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.lifecycle.records import REQUEST_COLUMNS

PARTS_DIR = "requests"
DAMAGED_DIR = "damaged"  # parts that were cut off, after what can be read of them was saved
EVENTS_DIR = "events"  # pieces of events.jsonl, until the observer has ended
OBSERVER_FILE = "observer.json"  # run.json as the observer wrote it
SUFFIX = ".parquet"
PART_COLUMNS: dict[str, str] = REQUEST_COLUMNS | {
    "host": "string",  # name of the load host
    "clock": "string",  # which CLOCK_MONOTONIC the load host read
    "clock_shift_ns": "int64",  # what was added to its times, so that they are times of the observer's clock
    "clock_bound_ns": "int64",  # by so much the shift may be wrong; -1 if it was not measured
}
_SEPARATOR = "~"  # neither a host name nor a campaign has it


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """The name of the rows of one process: campaign, host, pid, and its start in milliseconds since 1970."""

    campaign: str
    host: str
    pid: int
    start_ms: int

    @classmethod
    def of(cls, campaign: str, host: str, pid: int, start_ms: int) -> Part:
        """Make a name. Characters that no file name should have become `-`."""
        return cls(clean(campaign), clean(host), pid, start_ms)

    @property
    def text(self) -> str:
        return _SEPARATOR.join((self.campaign, self.host, str(self.pid), str(self.start_ms)))

    @property
    def file(self) -> str:
        """The name of its file when it is complete."""
        return f"{self.text}{SUFFIX}"

    def piece(self, number: int) -> str:
        """Return the name of its piece `number`, counted from 1."""
        return f"{self.text}{_SEPARATOR}{number:06d}{SUFFIX}"


@dataclass(frozen=True, slots=True)
class PartFile:
    """A file below `requests/`: a whole part (`piece` is 0), or a piece of it."""

    part: Part
    piece: int
    name: str


def clean(text: str) -> str:
    """Return `text` as a piece of a file name."""
    return re.sub(r"[^A-Za-z0-9.@+-]", "-", text)[:100].lstrip(".") or "x"


def parse(name: str) -> PartFile | None:
    """Parse the name of a file below `requests/`. Return None if it is not one of a part."""
    fields = name.removesuffix(SUFFIX).split(_SEPARATOR)
    if not name.endswith(SUFFIX) or len(fields) not in (4, 5) or not all(map(_is_number, fields[2:])):
        return None
    campaign, host, *numbers = fields
    pid, start_ms, piece = [*map(int, numbers), 0][:3]
    return PartFile(Part(campaign, host, pid, start_ms), piece, name)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def current_files(names: list[str], campaign: str = "") -> list[PartFile]:
    """Return the files that hold the rows of every part, sorted: the whole file of a part, otherwise its pieces.

    With `campaign`, parts of other campaigns are left out.
    """
    files = [file for file in map(parse, names) if file is not None and campaign in ("", file.part.campaign)]
    whole = {file.part for file in files if not file.piece}
    return sorted(
        (file for file in files if not file.piece or file.part not in whole), key=lambda file: (file.part, file.piece)
    )
